"""What the filters let through and which meeting mails would leave, beside how far synchronization is (10.1 f, 10.2)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import F
from django.http import HttpResponse
from django.utils import timezone

from mailboxes.models import Mailbox
from mailboxes.models.settings import current_policy
from serversync.console.calendar_desk import Desk, several
from serversync.console.calendar_filters import hides_private, may_count, those_told
from serversync.console.calendar_progress import how_far_of
from serversync.meeting_mails import Foreseen, foresee_mails
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import Asking
from tracking.facts.act.filters import filters_of, wanted
from tracking.facts.act.kinds import MODELS, content_type_of, kind_of
from tracking.facts.calendar.closed import is_private, private_among
from tracking.facts.regarding import KeyAsText
from tracking.keep.calendar.records import request_act
from tracking.models import ExchangeSyncIdMapping, MeetingWrite


def start(desk: Desk) -> HttpResponse:
    """Numbers before and after the first run, by kind."""
    mailbox = desk.own_mailbox()
    return desk.show(
        "calendar/start.html",
        "Progress" if desk.is_own else f"The progress of {mailbox}",
        hides_private=not desk.is_own,
        previews=[_preview(desk, kind) for kind in RecordKind],
        mails=[_mail(desk, one) for one in foresee_mails(mailbox, current_policy(), timezone.now())],
        **how_far_of(desk),
    )


def _mail(desk: Desk, one: Foreseen) -> dict[str, Any]:
    """A write that would mail people."""
    private = bool(private_among([one.row])) if one.record is None else is_private(one.record)
    if one.record is not None:
        address = desk.item_address(kind_of(one.record), one.record.pk)
    else:
        address = desk.address("pair", one.row.pk) if one.row is not None else ""
    return {
        "what": str(MeetingWrite(one.write).label),
        "about": desk.shown(one.subject, private),
        "address": address,
        "number": len(one.addresses),
        "people": sorted(one.addresses) if desk.reads(private) else [],
        "is_held": one.is_held,
    }


def _preview(desk: Desk, kind: RecordKind) -> dict[str, Any]:
    """What the filters let through, and how much of it has no copy yet; as far as the one who looks may count it."""
    filters = filters_of(desk.user_id, kind)
    rows = ExchangeSyncIdMapping.objects.filter(owner_id=desk.user_id, object_type=content_type_of(kind))
    rows = rows.filter(is_unlinked_in_crm=False).exclude(exchange_entry_id="")
    if hides_private(desk, kind):
        model: Any = MODELS[kind]
        private = model.objects.filter(is_mapi_private=True)
        rows = rows.exclude(object_id__in=private.annotate(as_text=KeyAsText(F("pk"))).values("as_text"))
    linked = rows.count()
    found = {"kind": kind.value, "label": several(kind), "filters": len(filters), "linked": linked}
    if not may_count(desk, kind):
        return found | {"wanted": None, "to_come": None}
    records = those_told(desk, kind, wanted(kind, filters, Asking(str(desk.user_id), timezone.now())))
    number = records.count() if filters else 0
    return found | {"wanted": number, "to_come": max(0, number - linked)}


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
