"""The decisions of the ledger as a list that is searched: by address, domain, Message-ID, time, verdict, reason, mailbox.

Pages turn by key and nothing is counted, so that a million rows cost what fifty do. An exact address or Message-ID is found
by its index; a part of one is looked for among the newest rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from tracking.crm.identity import stored_message_id
from tracking.facts.visibility import visible_emails
from tracking.models import LedgerRow

PAGE = 50
PART_OF = 100_000
"""Rows, from the newest, among which a part of an address or of a Message-ID is looked for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `words` is an address, a domain, a Message-ID, or a part of one; `before` turns the page."""

    words: str = ""
    since: date | None = None
    until: date | None = None
    state: int | None = None
    reason: int | None = None
    mailboxes: Sequence[UUID] | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of decisions, newest first; `older` is what `before` has to be for the next, None on the last one."""

    rows: list[LedgerRow]
    older: int | None
    is_part: bool


def decisions(wanted: Wanted, reader: User | AnonymousUser) -> Found:
    """The rows that fit, by the order in which they were discovered. Whom mail came from that the reader may not open is
    not found by this address, which would tell it."""
    rows = LedgerRow.objects.select_related("mailbox", "email").defer("email__description", "email__safe_description")
    if wanted.mailboxes is not None:
        rows = rows.filter(mailbox__in=wanted.mailboxes)
    if wanted.state is not None:
        rows = rows.filter(state=wanted.state)
    if wanted.reason is not None:
        rows = rows.filter(reason=wanted.reason)
    if wanted.since is not None:
        rows = rows.filter(received_on__gte=_begin(wanted.since))
    if wanted.until is not None:
        rows = rows.filter(received_on__lt=_begin(wanted.until + timedelta(days=1)))
    rows, is_part = _named(rows, wanted.words.strip(), reader)
    if wanted.before is not None:
        rows = rows.filter(pk__lt=wanted.before)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    return Found(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None, is_part)


def newest_part(rows: QuerySet[LedgerRow]) -> QuerySet[LedgerRow]:
    """Those of the rows that are new enough to be searched for a part of a word."""
    newest = LedgerRow.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return rows.filter(pk__gt=newest - PART_OF)


def written_as(message_id: str) -> list[str]:
    """The ways in which people write one Message-ID, as it may be stored."""
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    return [stored_message_id(form) for form in (bare, f"<{bare}>")] if bare else []


def is_sender(address: str, reader: User | AnonymousUser) -> bool:
    """Whether anything came from this address that the reader may be told of."""
    return bool(address) and LedgerRow.objects.filter(_open_to(reader), sender=address.lower()).exists()


def _open_to(reader: User | AnonymousUser) -> Q:
    return Q(email__isnull=True) | Q(email__in=visible_emails(reader))


def _named(rows: QuerySet[LedgerRow], words: str, reader: User | AnonymousUser) -> tuple[QuerySet[LedgerRow], bool]:
    if not words:
        return rows, False
    open_to_reader = _open_to(reader)
    address = words.lower()
    exact = Q(message_id__in=written_as(words)) | Q(open_to_reader, sender=address)
    known = rows.filter(exact)
    if words.startswith("<") or known.exists():
        return known, False
    domain = Q(sender__endswith=address if address.startswith("@") else f"@{address}")
    parts = Q(message_id__contains=words) | Q(open_to_reader) & (domain | Q(sender__startswith=address))
    return newest_part(rows.filter(parts)), True


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
