"""The numbers of a first synchronization, counted by the worker because somebody has asked for them (10.1 f)."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import InterfaceError
from django.db.models import QuerySet

from mailboxes.access import AccessIncomplete
from mailboxes.brake import reason_to_wait
from mailboxes.discovery import found_access
from mailboxes.eligibility import skip_reason
from mailboxes.models import ActDeliveryMethod, Leg, Mailbox, MailboxLeg, Organization
from mailboxes.models.settings import current_policy
from mailboxes.reach import leg_facts
from profiles.act_items import ItemKind
from profiles.connectors import open_item_store
from profiles.connectors.base import ConnectorError, ResyncRequired
from profiles.secrets import KeyUnavailable
from serversync.cycles import outcome
from serversync.cycles.act_counting import Counting
from tracking.facts.act.kinds import Syncing
from tracking.keep.act.previews import Held, PreviewLost, request_preview, take_request
from tracking.models import SyncProgress

log = logging.getLogger(__name__)
SLICE = timedelta(seconds=20)
"""After so long whatever else waits comes first; then the count goes on."""
LOOK_AGAIN_AFTER = 0.2  # seconds
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Preview:
    """What was counted of one kind, or why not."""

    kind: str
    numbers: dict[str, int]
    error: str


def preview_now(mailbox: Mailbox, clock: Clock) -> list[Preview]:
    """Count all kinds of one mailbox in this process; a worker that counts it already is waited for."""
    request_preview(mailbox, clock())
    while (rows := SyncProgress.objects.filter(mailbox=mailbox, preview__has_key="due")).exists():
        if not count_next(clock, rows):
            time.sleep(LOOK_AGAIN_AFTER)
    rows = SyncProgress.objects.filter(mailbox=mailbox).order_by("kind")
    return [Preview(one.kind, one.preview.get("numbers", {}), one.preview.get("error", "")) for one in rows]


def count_next(clock: Clock, among: QuerySet[SyncProgress] | None = None) -> bool:
    """Work on one request; False when there is none. What goes wrong is written down as the answer, never raised."""
    row = take_request(clock(), among)
    if row is None:
        return False
    held = Held(row, clock)
    mailbox = Mailbox.objects.select_related("email_server_profile", "regarding_user__sync_settings").get(
        pk=row.mailbox_id
    )
    try:
        _answer(held, mailbox, clock)
    except PreviewLost:
        log.warning("the preview of the mailbox %s is counted by another worker now", mailbox.pk)
    return True


def _answer(held: Held, mailbox: Mailbox, clock: Clock) -> None:
    obstacle = why_not(mailbox, clock())
    if obstacle:
        return held.fail(obstacle)
    try:
        _count(held, mailbox, clock)
    except (AccessIncomplete, KeyUnavailable) as error:
        held.fail(str(error))
    except ConnectorError as error:
        held.fail(f"{error} {error.remedy}".strip())
    except (InterfaceError, PreviewLost):
        raise
    except Exception as error:
        log.exception("the items of the mailbox %s could not be counted", mailbox.pk)
        held.fail(f"Something went wrong in this service: {type(error).__name__}. Its log tells more.")


def why_not(mailbox: Mailbox, now: datetime) -> str:
    """What is in the way of counting, as a sentence: all that would be in the way of synchronizing, but that it is not
    enabled yet. "" if nothing is."""
    if mailbox.regarding_user is None:
        return "Only mailboxes of users have appointments, contacts and tasks that are synchronized."  # 10.1 a
    leg = MailboxLeg.objects.filter(mailbox=mailbox, leg=Leg.ACT).first() or MailboxLeg(mailbox=mailbox, leg=Leg.ACT)
    facts = replace(leg_facts(mailbox, leg), enabled=True, method=int(ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION))
    reason = skip_reason(facts, current_policy()) or reason_to_wait(Organization.current(), mailbox, Leg.ACT)
    pause = leg.postponed_until or outcome.pause_of(mailbox, Leg.ACT, now)
    if not reason and pause is not None and pause > now:
        return f"The server is to be left alone until {pause:%H:%M} UTC. Count again then."
    return reason


def _count(held: Held, mailbox: Mailbox, clock: Clock) -> None:
    now = clock()
    store = open_item_store(found_access(mailbox, Leg.ACT, now, held.progress), held.progress)
    try:
        begun_at, so_far = held.so_far
        counting = Counting(
            Syncing.of(mailbox, now),
            ItemKind(held.row.kind),
            store,
            current_policy(),
            Counter(so_far if begun_at else {}),
        )
        try:
            for page in counting.theirs(begun_at):
                held.counted(page.cursor, counting.numbers)
                if page.more and page.cursor and clock() - now > SLICE:
                    return held.put_back()
        except ResyncRequired:
            held.counted("", {})  # what was counted is about a mailbox that was restored or moved meanwhile
            return held.put_back()
    finally:
        store.close()
    return held.answer(counting.ours())
