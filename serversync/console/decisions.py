"""The list of decisions, to search; and one of them explained, in the console (law 4, 5.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.dateparse import parse_date

from mailboxes.models import Mailbox
from serversync.console.pages import show, staff_page
from tracking.decide.verdicts import REASON_TEXTS
from tracking.facts.decisions import Wanted, decisions
from tracking.facts.visibility import mask_of, readable_among
from tracking.facts.why import Explanation, explain_rows, sentence
from tracking.models import LedgerRow, LedgerState

LONGEST = 400
"""Characters of what somebody types; addresses and Message-IDs are shorter."""


@dataclass(frozen=True, slots=True)
class Line:
    """One decision. Sender and subject are told of mail that this person may open; untracked mail has no subject here."""

    row_id: int
    state: LedgerState
    sentence: str
    sender: str
    subject: str
    message_id: str
    mailbox: str
    when: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says, and what is wrong with it."""

    wanted: Wanted
    mailbox: str
    problem: str = ""


@staff_page("tracking.view_ledgerrow")
def listing(request: HttpRequest) -> HttpResponse:
    """Every decision of every mailbox, newest first."""
    asked = read(request.GET)
    return show(request, "console/decision_list.html", "Decisions", **listed(request, asked))


@staff_page("tracking.view_ledgerrow")
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One decision explained."""
    found = explained(LedgerRow.objects.filter(pk=pk), request.user)
    return show(
        request,
        "console/decision.html",
        "Why?",
        explanation=found,
        may_see_mail=request.user.has_perm("crm.view_email"),
    )


def explained(rows: Any, reader: User | AnonymousUser) -> Explanation:
    """The one row as an explanation. Raises Http404 if there is none."""
    found = list(rows.select_related("mailbox").prefetch_related("placements")[:1])
    if not found:
        raise Http404("There is no such decision.")
    return explain_rows(found, readable_among(reader, [found[0].email_id]))[0]


def openable(told: Iterable[Explanation], reader: User | AnonymousUser) -> set[str]:
    """The ids of those emails that the explanations name and that this person may open."""
    found = list(told)
    named = [UUID(fact.email) for one in found for fact in one.answer.conversation if fact.email]
    return {str(email) for email in readable_among(reader, [*named, *(one.email_id for one in found)])}


def listed(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What the page of a list shows, in either frame."""
    found = decisions(asked.wanted, request.user)
    kept = {key: value for key, value in request.GET.items() if key != "before" and value}
    return {
        "asked": asked,
        "lines": lines(found.rows, request.user),
        "is_part": found.is_part,
        "older": urlencode({**kept, "before": found.older}) if found.older else "",
        "newest": urlencode(kept) if asked.wanted.before else "",
        "states": [(state.value, state.name.capitalize()) for state in LedgerState],
        "reasons": [(int(number), text) for number, text in REASON_TEXTS.items()],
    }


def lines(rows: Iterable[LedgerRow], reader: User | AnonymousUser) -> list[Line]:
    """The rows as this person may see them; the number of queries does not grow with them."""
    found = list(rows)
    readable = readable_among(reader, [row.email_id for row in found])
    return [_line(row, row.email_id in readable) for row in found]


def _line(row: LedgerRow, is_readable: bool) -> Line:
    subject, sender = "", row.sender
    if row.email is not None:
        mask = mask_of(row.email)
        subject = (row.email.subject or "(no subject)") if is_readable else mask
        sender = row.sender if is_readable else mask
    return Line(
        row_id=row.pk,
        state=LedgerState(row.state),
        sentence=sentence(row),
        sender=sender,
        subject=subject,
        message_id=row.message_id,
        mailbox=row.mailbox.email_address or row.mailbox.name,
        when=row.received_on or row.decided_on or row.discovered_on,
    )


def read(query: QueryDict, mailboxes: list[UUID] | None = None) -> Asked:
    """What the form asks for. What cannot be read is told, and left out."""
    name, problems = query.get("mailbox", "").strip()[:LONGEST], []
    if mailboxes is None and name:
        mailboxes = mailboxes_named(name)
        if not mailboxes:
            problems.append(f"There is no mailbox “{name}”. Enter its address or its name.")
    days: list[date | None] = []
    for key in ("since", "until"):
        text = query.get(key, "").strip()
        days.append(_day(text))
        if text and days[-1] is None:
            problems.append(f"“{text[:40]}” is no date. Write it like 2026-03-01.")
    wanted = Wanted(
        words=query.get("q", "").strip()[:LONGEST],
        since=days[0],
        until=days[1],
        state=_number(query.get("state", "")),
        reason=_number(query.get("reason", "")),
        mailboxes=mailboxes,
        before=_number(query.get("before", "")),
    )
    return Asked(wanted, name, " ".join(problems))


def mailboxes_named(name: str, most: int = 50) -> list[UUID]:
    """The mailboxes with this address, or of this name."""
    named = Mailbox.objects.filter(Q(email_address__iexact=name) | Q(name__iexact=name))
    return list(named.order_by("pk").values_list("pk", flat=True)[:most])


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    digits = text.strip()
    return int(digits) if digits.removeprefix("-").isdecimal() and digits.isascii() and len(digits) < 18 else None
