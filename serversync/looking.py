"""Looking on the server for a message that the ledger does not know, while a person waits for the answer (law 4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailboxes.access import AccessIncomplete
from mailboxes.eligibility import skip_reason
from mailboxes.models import Leg, Mailbox
from mailboxes.models.settings import current_policy
from mailboxes.reach import access_to, leg_facts
from profiles.connectors import open_source
from profiles.connectors.base import ConnectorError
from profiles.items import Search, Sought
from profiles.secrets import KeyUnavailable
from tracking.decide.whereabouts import NOT_THERE, Reading, whereabouts
from tracking.facts.batch import start_of
from tracking.facts.folder_rules import followed_by

PATIENCE = 5.0
"""Seconds of one wait on the network: a page hangs on it."""
MOST_MAILBOXES = 5
"""Mailboxes that one question looks into."""


@dataclass(frozen=True, slots=True)
class Place:
    """One message that lies on the server: what that means, in which folder, since when. Never what it says."""

    words: str
    folder: str
    message_id: str
    received_on: datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into one mailbox gave. `error` and `remedy` are set instead when the server could not be asked."""

    mailbox: str
    words: str = ""
    places: tuple[Place, ...] = ()
    limits: str = ""
    error: str = ""
    remedy: str = ""


def sought_by(message_id: str, sender: str, days: int, now: datetime) -> Sought:
    """A message by its Message-ID, or what a sender wrote in the last days."""
    if message_id.strip():
        return Sought(message_id=message_id.strip())
    return Sought(sender=sender.strip().lower(), since=now - timedelta(days=days))


def look(mailbox: Mailbox, sought: Sought) -> Look:
    """Look for it in one mailbox. Errors come back in words; nothing is changed, neither here nor there."""
    name = mailbox.email_address or mailbox.name
    if mailbox.email_server_profile is None:
        return Look(name, error="This mailbox has no server profile.", remedy="Choose one, then look again.")
    try:
        access = access_to(mailbox, Leg.INCOMING)
        source = open_source(replace(access, timeout=min(access.timeout, PATIENCE)))
        try:
            return _told(mailbox, name, source.search(sought))
        finally:
            source.close()
    except (AccessIncomplete, KeyUnavailable) as error:
        return Look(name, error=str(error))
    except ConnectorError as error:
        return Look(name, error=str(error), remedy=error.remedy)


def _told(mailbox: Mailbox, name: str, search: Search) -> Look:
    reading = _reading(mailbox)
    places = tuple(Place(whereabouts(one, reading), one.path, one.message_id, one.received_on) for one in search.found)
    return Look(name, "" if places else NOT_THERE, places, search.limits)


def _reading(mailbox: Mailbox) -> Reading:
    policy, leg = current_policy(), mailbox.legs.filter(leg=Leg.INCOMING).first()
    return Reading(
        folders=followed_by(mailbox) if policy.folder_based_tracking else frozenset(),
        sent_items=policy.auto_track_sent_folder_items,
        start=start_of(mailbox),
        obstacle=str(skip_reason(leg_facts(mailbox, leg), policy) or "") if leg else "it has never been set up.",
    )
