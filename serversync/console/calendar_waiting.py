"""What waits for somebody in one mailbox, what did not sync, and what can be taken back (10.1 k, 10.2, 12.1, law 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from mailboxes.models import Mailbox
from serversync.console.calendar_desk import Desk, label_of
from serversync.console.calendar_overlaps import overlaps_told
from serversync.console.calendar_sides import Clash, clash_of, invites
from serversync.console.pages import record_url
from tracking.decide.act_values import from_json
from tracking.decide.deletion import REASONS
from tracking.decide.field_maps import RecordKind
from tracking.decide.in_words import value_in_words
from tracking.facts.act.kinds import MODELS, content_type_of, kind_of_type
from tracking.facts.calendar.bin import living_on
from tracking.facts.calendar.closed import not_theirs_among
from tracking.facts.calendar.pairs import (
    asked,
    failed,
    held_deletions,
    held_writes,
    newest_conflicts,
    pairs,
    subjects_of,
)
from tracking.keep.calendar import deciding
from tracking.keep.calendar.deciding import NotPossible
from tracking.keep.calendar.restoring import kind_in, restore
from tracking.models import (
    Decision,
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    RecycledItem,
    Side,
    SyncConflict,
    SyncQuestion,
)

PER_PAGE = 50
NO_SUBJECT = "(no subject)"
QUESTIONS = {
    SyncQuestion.DELETE_IN_CRM: ("It was deleted in Exchange. Delete it here as well?", "Delete it here", "Keep it"),
    SyncQuestion.SAME_RECORD: (
        "A contact came in that is like one that is here. Is it the same person?",
        "The same person",
        "Somebody else",
    ),
    SyncQuestion.PREVIOUSLY_LINKED: (
        "It was linked with a record here before. Link the two again?",
        "Link them again",
        "Keep them apart",
    ),
    SyncQuestion.SCHEDULING_CONFLICT: (
        "It came in from Exchange at a time that is taken here. Take it in all the same?",
        "Take it in",
        "Leave it out",
    ),
}
_DECISIONS = {"approve": Decision.APPROVED, "refuse": Decision.REFUSED}


def waiting(desk: Desk) -> HttpResponse:
    """Everything that somebody has to answer: deletions in mass, meeting mails, questions about single items."""
    mailbox = desk.own_mailbox()
    writes = Paginator(held_writes(mailbox), PER_PAGE).get_page(desk.request.GET.get("p"))
    questions = list(asked(mailbox)[:PER_PAGE])
    rows = [*(one.mapping for one in writes), *questions]
    masks, names = desk.masks(rows), subjects_of(rows)
    return desk.show(
        "calendar/waiting.html",
        "Questions" if desk.is_own else f"Questions about {mailbox}",
        deletions=list(held_deletions(mailbox)),
        page=writes,
        around="",
        writes=[_write(desk, one, masks, names) for one in writes],
        questions=[_question(desk, one, masks, names) for one in questions],
        may_decide=desk.may("tracking.change_heldwrite"),
    )


def _write(desk: Desk, held: HeldWrite, masks: dict[UUID, str], names: dict[UUID, str]) -> dict[str, Any]:
    """What would leave, to whom, about what."""
    people = [str(one) for one in held.addresses]
    mask = masks.get(held.mapping_id)
    return {
        "held": held,
        "about": mask or names.get(held.mapping_id, NO_SUBJECT),
        "address": _record_address(desk, held.mapping),
        "number": len(people),
        "people": [] if mask else people,
        "occurrence": held.original_start,
    }


def _question(desk: Desk, row: ExchangeSyncIdMapping, masks: dict[UUID, str], names: dict[UUID, str]) -> dict[str, Any]:
    words, yes, no = QUESTIONS.get(SyncQuestion(row.question), (row.get_question_display(), "Yes", "No"))
    mask = masks.get(row.pk)
    facts = {} if mask else row.question_facts
    return {
        "row": row,
        "kind": row.get_kind_display(),
        "subject": mask or names.get(row.pk) or str(facts.get("subject") or facts.get("full_name") or NO_SUBJECT),
        "address": _record_address(desk, row),
        "words": words,
        "yes": yes,
        "no": no,
        "told": overlaps_told(desk, facts) if facts.get("coming") else _told(desk, facts),
    }


def _told(desk: Desk, facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the person who answers needs to know: the record that may be the same, how sure that is, and why."""
    found: list[tuple[str, str, str]] = []
    kinds = {"record": RecordKind.CONTACT}
    for name, value in facts.items():
        if name in kinds and value:
            found.append(("It may be", *_named(desk, kinds[name], str(value))))
        elif name == "others" and value:
            found += [("or", *_named(desk, RecordKind.CONTACT, str(other))) for other in value]
        elif name == "score" and value:
            found.append(("How sure", f"{value} %", ""))
        elif name == "because" and value:
            found.append(("Because of", str(value), ""))
        elif name not in ("subject", "full_name", *kinds, "others", "score", "because") and value not in (None, "", []):
            found.append((name.replace("_", " ").capitalize(), _plain(value, desk), ""))
    return found


def _plain(value: Any, desk: Desk) -> str:
    try:
        return value_in_words(from_json(value), desk.zone)
    except (ValueError, TypeError, KeyError):
        return str(value)


def _named(desk: Desk, kind: RecordKind, key: str) -> tuple[str, str]:
    record: Any = MODELS[kind]._default_manager.filter(pk=key).first()
    if record is None:
        return "a record that is not here any more", ""
    if record.owner_id not in (None, desk.user_id) and not desk.request.user.has_perm("crm.view_contact"):
        return "a record of somebody else", ""
    more = (record.email_address_1, record.mobile_phone or record.telephone_1, record.parent_customer or "")
    words = ", ".join(str(one) for one in (record, *more) if one)
    if record.owner_id == desk.user_id:
        return words, desk.item_address(kind, record.pk)
    return words, record_url(content_type_of(kind).pk, key) if desk.request.user.is_staff else ""


def _record_address(desk: Desk, row: ExchangeSyncIdMapping) -> str:
    kind = kind_of_type(row.object_type_id)
    if kind is None or not row.object_id:
        return desk.address("pair", row.pk)
    return desk.item_address(kind, UUID(row.object_id))


def decide_writes(desk: Desk) -> HttpResponse:
    """Let meeting mails leave, or not; one or all that are ticked."""
    desk.insist("tracking.change_heldwrite")
    word, _, one = desk.request.POST.get("one", "").partition(" ")
    chosen = [one] if one else desk.request.POST.getlist("held")[:PER_PAGE]
    decision = _DECISIONS.get(word or desk.request.POST.get("do", ""))
    if decision is None:
        return desk.no_such_button("waiting")
    keys = [key for key in map(_uuid, chosen) if key is not None]
    rows = HeldWrite.objects.filter(mailbox=desk.own_mailbox(), pk__in=keys)
    number = deciding.decide_writes(rows, decision, desk.request.user, timezone.now()) if keys else 0
    if not number:
        messages.warning(desk.request, "Nothing was changed: tick what it is about, or it was decided already.")
    elif decision is Decision.APPROVED:
        messages.success(desk.request, f"Approved: {_some(number)} at the next run, which was asked for.")
    else:
        messages.success(desk.request, f"Refused: {_some(number)} not. The appointments stay as they are here.")
    return desk.back("waiting")


def _some(number: int) -> str:
    return "the mail about one meeting leaves" if number == 1 else f"the mails about {number} meetings leave"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def decide_deletion(desk: Desk, pk: UUID) -> HttpResponse:
    """Let so many deletions happen, or keep them all."""
    desk.insist("tracking.change_helddeletion")
    held = get_object_or_404(HeldDeletion, pk=pk, mailbox=desk.own_mailbox())
    decision = _DECISIONS.get(desk.request.POST.get("do", ""))
    if decision is None:
        return desk.no_such_button("waiting")
    if not deciding.decide_deletion(held, decision, desk.request.user, timezone.now()):
        messages.warning(desk.request, "Nothing was changed: it was decided already.")
    elif decision is Decision.APPROVED:
        messages.success(desk.request, "Approved. They are deleted at the next run, and kept in the recycle bin.")
    else:
        messages.success(desk.request, "Nothing is deleted. What is left on the other side is not linked any more.")
    return desk.back("waiting")


def problems(desk: Desk) -> HttpResponse:
    """What did not sync, with what the server said and a retry; and what both sides had changed (12.1)."""
    mailbox = desk.own_mailbox()
    page = Paginator(failed(mailbox), PER_PAGE).get_page(desk.request.GET.get("p"))
    conflicts = list(newest_conflicts(mailbox).select_related("mapping", "undone_by")[:PER_PAGE])
    masks, names = desk.masks([*page, *conflicts]), subjects_of(page)
    return desk.show(
        "calendar/problems.html",
        "Problems" if desk.is_own else f"Problems of {mailbox}",
        page=page,
        around="",
        lines=[
            {
                "pair": one,
                "subject": masks.get(one.row.pk) or names.get(one.row.pk, NO_SUBJECT),
                "said": one.row.last_sync_error_code if one.row.pk in masks else one.row.last_sync_error,
                "address": _record_address(desk, one.row),
            }
            for one in pairs(page)
        ],
        clashes=[_clash(desk, one) for one in conflicts if one.pk not in masks],
        conflicts=len(conflicts),
        may_decide=desk.may("tracking.change_exchangesyncidmapping"),
        may_undo=desk.may("tracking.change_syncconflict"),
    )


def _clash(desk: Desk, one: SyncConflict) -> Clash:
    """A conflict, with the item that it is about."""
    kind = kind_of_type(one.object_type_id) or RecordKind(one.kind)
    about = one.mapping.item_subject or NO_SUBJECT if one.mapping is not None else kind.value.replace("_", " ")
    address = desk.item_address(kind, UUID(one.object_id)) if one.object_id else ""
    return replace(clash_of(one, kind, desk), about=about, address=address)


def retry_all(desk: Desk) -> HttpResponse:
    """Try everything again that has failed."""
    desk.insist("tracking.change_exchangesyncidmapping")
    number = deciding.retry(failed(desk.own_mailbox()).order_by(), timezone.now())
    if number:
        messages.success(desk.request, f"{number} item{'s are' if number > 1 else ' is'} tried again at the next run.")
    else:
        messages.info(desk.request, "There is nothing to try again.")
    return desk.back("problems")


def recycle_bin(desk: Desk) -> HttpResponse:
    """What synchronization has deleted on either side, to be taken back (law 9)."""
    now = timezone.now()
    page = Paginator(_recycled(desk.own_mailbox()), PER_PAGE).get_page(desk.request.GET.get("p"))
    masks, alive = desk.masks(page), living_on(list(page), now)
    return desk.show(
        "calendar/bin.html",
        "Recycle bin" if desk.is_own else f"The recycle bin of {desk.mailbox}",
        page=page,
        around="",
        lines=[_recycled_line(one, masks.get(one.pk, ""), one.pk in alive, now) for one in page],
        may_restore=desk.may("tracking.change_recycleditem"),
    )


def _recycled(mailbox: Mailbox) -> Any:
    return RecycledItem.objects.filter(mailbox=mailbox).select_related("restored_by")


def _recycled_line(one: RecycledItem, mask: str, is_alive: bool, now: Any) -> dict[str, Any]:
    fields = one.snapshot.get("fields", {})
    return {
        "row": one,
        "kind": label_of(kind_in(one)),
        "subject": mask or str(fields.get("subject") or fields.get("full_name") or "(no name)"),
        "side": "here" if one.deleted_on_side == Side.CRM else "in Exchange",
        "because": REASONS.get(one.reason, one.reason),
        "may_restore": one.restored_on is None and one.expires_on > now and not is_alive,
        "mails": invites(fields),
    }


def take_back(desk: Desk, pk: UUID) -> HttpResponse:
    """Restore one of them."""
    desk.insist("tracking.change_recycleditem")
    found = get_object_or_404(_recycled(desk.own_mailbox()), pk=pk)
    if not_theirs_among(desk.user_id, [found]):
        messages.warning(desk.request, "Nothing was changed. It is here, and it is somebody else’s now.")
        return HttpResponseRedirect(desk.address("bin"))
    try:
        record = restore(found, desk.request.user, timezone.now())
    except NotPossible as error:
        messages.warning(desk.request, f"Nothing was changed. {error}")
        return HttpResponseRedirect(desk.address("bin"))
    messages.success(
        desk.request, "It is here again. The next run gives it to the server again if a filter lets it through."
    )
    return HttpResponseRedirect(desk.item_address(kind_in(found), record.pk))
