"""How far synchronization is: what the first one would do in numbers, how many copies are in which state, and which
meeting mails would leave (10.1 f, 10.2)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone

from mailboxes.models import Leg, Mailbox
from mailboxes.models.settings import current_policy
from serversync.console.calendar_desk import Desk, several
from serversync.meeting_mails import Foreseen, foresee_mails
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import Asking
from tracking.facts.act.filters import filters_of, wanted
from tracking.facts.act.kinds import content_type_of, kind_of
from tracking.facts.calendar.pairs import TITLES, Standing, states_in
from tracking.keep.calendar.records import request_act
from tracking.models import ExchangeSyncIdMapping, MeetingWrite, SyncedKind, SyncProgress


def start(desk: Desk) -> HttpResponse:
    """Numbers before and after the first run, by kind."""
    mailbox = desk.own_mailbox()
    states = states_in(mailbox)
    leg = mailbox.legs.filter(leg=Leg.ACT).first()
    return desk.show(
        "calendar/start.html",
        "Progress" if desk.is_own else f"The progress of {mailbox}",
        leg=leg,
        is_synchronized=leg is not None and leg.enabled,
        previews=[_preview(desk, kind) for kind in RecordKind],
        kinds=[_states(str(label), states.get(kind, {})) for kind, label in SyncedKind.choices],
        progress=[_progress(one) for one in SyncProgress.objects.filter(mailbox=mailbox).order_by("kind")],
        mails=[_mail(desk, one) for one in foresee_mails(mailbox, current_policy(), timezone.now())],
        may_run=desk.may("mailboxes.change_mailbox"),
    )


def _states(label: str, states: dict[Standing, int]) -> dict[str, Any]:
    """How many copies are in which state, and how far the work is as long as some of it waits."""
    waits, total = states.get(Standing.PENDING, 0), sum(states.values())
    return {
        "label": label,
        "states": [(TITLES[one], states.get(one, 0), one.value) for one in Standing],
        "done": total - waits,
        "total": total,
        "is_under_way": waits > 0,
    }


def _mail(desk: Desk, one: Foreseen) -> dict[str, Any]:
    """A write that would mail people."""
    is_private = bool(getattr(one.record, "is_mapi_private", False))
    if one.record is not None:
        address = desk.item_address(kind_of(one.record), one.record.pk)
    else:
        address = desk.address("pair", one.row.pk) if one.row is not None else ""
    return {
        "what": str(MeetingWrite(one.write).label),
        "about": desk.shown(one.subject, is_private),
        "address": address,
        "number": len(one.addresses),
        "people": sorted(one.addresses) if desk.reads(is_private) else [],
        "is_held": one.is_held,
    }


def _preview(desk: Desk, kind: RecordKind) -> dict[str, Any]:
    """What the filters let through, and how much of it has no copy yet."""
    filters = filters_of(desk.user_id, kind)
    records = wanted(kind, filters, Asking(str(desk.user_id), timezone.now()))
    rows = ExchangeSyncIdMapping.objects.filter(owner_id=desk.user_id, object_type=content_type_of(kind))
    linked = rows.filter(is_unlinked_in_crm=False).exclude(exchange_entry_id="").count()
    number = records.count() if filters else 0
    return {
        "kind": kind.value,
        "label": several(kind),
        "filters": len(filters),
        "wanted": number,
        "linked": linked,
        "to_come": max(0, number - linked),
    }


def _progress(one: SyncProgress) -> dict[str, Any]:
    return {
        "row": one,
        "label": one.get_kind_display(),
        "percent": min(100, one.done * 100 // one.total) if one.total else None,
        "preview": [(name.replace("_", " ").capitalize(), value) for name, value in one.preview.items()],
    }


def run(desk: Desk) -> HttpResponse:
    """Synchronize appointments, contacts and tasks at once."""
    desk.insist("mailboxes.change_mailbox")
    mailbox: Mailbox = desk.own_mailbox()
    if request_act(mailbox, timezone.now()):
        messages.success(desk.request, "It runs now. Reload this page in a moment.")
    else:
        messages.warning(
            desk.request, "Nothing runs: appointments, contacts and tasks of this mailbox are not enabled."
        )
    return desk.back("start")
