"""Which records go to a mailbox: the filters of one person, and the organization's templates; with a live count (10.1 b, c)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from profiles.act_items import ItemKind
from serversync.console.calendar_desk import OWN, Desk, kind_named, label_of, several
from serversync.console.calendar_filter_form import conditions, read, shown, typed_of
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import TEMPLATES, Asking, Together, in_words, parse, stored
from tracking.facts.act.filters import wanted
from tracking.keep.act.templates import templates
from tracking.keep.calendar.records import request_act
from tracking.models import SyncFilter

CHOICES, EXAMPLES = 200, 5
LONGEST_NAME = 160


def listing(desk: Desk) -> HttpResponse:
    """All filters, by kind of record, each in words and with the number of records it lets through now."""
    rows = list(_filters(desk))
    names = people()
    lines = [_line(desk, one, names) for one in rows]
    have = {one.template_id for one in rows} | {(one.record_kind, one.name) for one in rows}
    offered = [] if desk.is_organization else list(SyncFilter.objects.filter(owner=None, is_active=True))
    return desk.show(
        "calendar/filters.html",
        "Filter templates" if desk.is_organization else "Filters" if desk.is_own else f"Filters of {desk.mailbox}",
        groups=[
            (several(kind), kind.value, [line for line in lines if line["row"].record_kind == kind.value])
            for kind in RecordKind
        ],
        offered=[
            {"row": one, "kind": several(RecordKind(one.record_kind)), "words": _words(one, names)}
            for one in offered
            if one.pk not in have and (one.record_kind, one.name) not in have
        ],
        proposed=not rows and desk.is_organization and bool(TEMPLATES),
        may_edit=desk.may("tracking.change_syncfilter"),
    )


def _filters(desk: Desk) -> Any:
    return SyncFilter.objects.filter(owner_id=None if desk.is_organization else desk.user_id)


def _line(desk: Desk, row: SyncFilter, names: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"row": row, "words": _words(row, names)}
    try:
        together = parse(RecordKind(row.record_kind), row.conditions)
    except ValueError as error:
        return found | {"wrong": f"{error} It lets nothing through."}
    kind = RecordKind(row.record_kind)
    if not (desk.is_organization or may_count(desk, kind)):  # a template is counted for whoever looks
        return found
    number = those_told(desk, kind, wanted(kind, [together], _asking(desk))).count()
    return found | {"number": number, "without_private": hides_private(desk, kind)}


def _words(row: SyncFilter, names: dict[str, str]) -> str:
    kind = RecordKind(row.record_kind)
    try:
        return in_words(kind, parse(kind, row.conditions), names)
    except ValueError:
        return "conditions that cannot be read"


def may_count(desk: Desk, kind: RecordKind) -> bool:
    """Whether numbers are told that follow from what records say: whoever counts can guess (law 12)."""
    return desk.reads() or (kind is RecordKind.CONTACT and desk.request.user.has_perm("crm.view_contact"))


def hides_private(desk: Desk, kind: RecordKind) -> bool:
    """Whether private records are left out of what is told: others learn nothing of them (law 12)."""
    return not desk.is_own and kind.item_kind is ItemKind.APPOINTMENT


def those_told(desk: Desk, kind: RecordKind, records: Any) -> Any:
    """Those of these records that are counted and named."""
    return records.filter(is_mapi_private=False) if hides_private(desk, kind) else records


def _asking(desk: Desk) -> Asking:
    """Who "me" is: the person; for a template whoever looks at it."""
    return Asking(str(desk.user_id or desk.request.user.pk), timezone.now())


def people() -> dict[str, str]:
    """Users whom a condition may name, by their key."""
    rows = get_user_model().objects.filter(is_active=True).order_by("first_name", "username")[:CHOICES]
    return {str(one.pk): one.get_full_name() or one.get_username() for one in rows}


def new(desk: Desk) -> HttpResponse:
    """A new filter for one kind of record."""
    kind = kind_named(desk.request.GET.get("kind", "") or desk.request.POST.get("kind", ""))
    proposed = next((one.conditions for one in TEMPLATES if one.kind is kind), Together(True, ()))
    row = SyncFilter(
        owner_id=None if desk.is_organization else desk.user_id, record_kind=kind.value, conditions=stored(proposed)
    )
    return _edit(desk, row)


def edit(desk: Desk, pk: UUID) -> HttpResponse:
    """One that is there."""
    return _edit(desk, get_object_or_404(_filters(desk), pk=pk))


def _edit(desk: Desk, row: SyncFilter) -> HttpResponse:
    desk.insist("tracking.change_syncfilter")
    kind, data = RecordKind(row.record_kind), desk.request.POST
    if desk.request.method != "POST":
        try:
            join, rows, deep = typed_of(parse(kind, row.conditions))
        except ValueError:
            join, rows, deep = "all", [], []
        return _show(desk, row, join, rows, deep)
    join, rows, deep = read(data)
    row.name = " ".join(data.get("name", "").replace("\0", "").split())[:LONGEST_NAME]
    row.is_active = data.get("is_active") == "yes"
    row.is_default = desk.is_organization and data.get("is_default") == "yes"
    if data.get("do") != "save":
        return _show(desk, row, join, rows, deep)
    try:
        row.conditions = stored(conditions(kind, join, rows, deep))
        if not row.name:
            raise ValueError("Enter a name for the filter.")
        with transaction.atomic():
            row.save()
    except ValueError as error:
        return _show(desk, row, join, rows, deep, wrong=str(error))
    except IntegrityError:
        return _show(desk, row, join, rows, deep, wrong=f"There is a filter “{row.name}” already. Choose another name.")
    _run(desk)
    messages.success(
        desk.request, "Saved. What it lets through now is synchronized at the next run; the rest is unlinked."
    )
    return HttpResponseRedirect(desk.address("filters"))


def _show(desk: Desk, row: SyncFilter, join: str, rows: Any, deep: Any, *, wrong: str = "") -> HttpResponse:
    kind, names = RecordKind(row.record_kind), people()
    told: dict[str, Any] = {"wrong": wrong}
    try:
        together = conditions(kind, join, rows, deep)
    except ValueError as error:
        told["count_wrong"] = str(error)
    else:
        told["words"] = in_words(kind, together, names)
        if may_count(desk, kind):
            told |= _told(desk, kind, together)
    context = told | {
        "row": row,
        "kind": kind.value,
        "kind_label": several(kind).lower(),
        "one_label": label_of(kind).lower(),
        "join": join,
        "rows": shown(kind, rows, names),
        "deep": [{"text": json.dumps(one), "words": _deep_words(kind, one, names)} for one in deep],
        "is_new": row._state.adding,
        "is_organization": desk.is_organization,
    }
    if desk.request.headers.get("HX-Request"):
        return desk.fragment("calendar/filter_editor.html", **context)
    title = f"A new filter for {several(kind).lower()}" if row._state.adding else f"The filter “{row.name}”"
    return desk.show("calendar/filter.html", title, 422 if wrong else 200, **context)


def _told(desk: Desk, kind: RecordKind, together: Together) -> dict[str, Any]:
    """How many it lets through and which, to whoever may read them."""
    found = those_told(desk, kind, wanted(kind, [together], _asking(desk)))
    told = {"number": found.count(), "without_private": hides_private(desk, kind)}
    return told | {"examples": [_named(one) for one in found.order_by("-modified_on")[:EXAMPLES]]}


def _deep_words(kind: RecordKind, data: Any, names: dict[str, str]) -> str:
    try:
        return in_words(kind, parse(kind, data), names)
    except ValueError:
        return "a group that cannot be read"


def _named(record: Any) -> str:
    return str(getattr(record, "full_name", "") or getattr(record, "subject", "") or "(no subject)")


def change(desk: Desk, pk: UUID) -> HttpResponse:
    """Switch a filter on or off, or delete it."""
    desk.insist("tracking.change_syncfilter")
    row = get_object_or_404(_filters(desk), pk=pk)
    do = desk.request.POST.get("do", "")
    if do == "delete":
        row.delete()
        messages.success(
            desk.request, "The filter is gone. What only it let through is unlinked and stays on the server."
        )
    elif do in ("on", "off"):
        SyncFilter.objects.filter(pk=pk).update(is_active=do == "on", modified_on=timezone.now())
        messages.success(desk.request, f"The filter is switched {do}.")
    else:
        return desk.no_such_button("filters")
    _run(desk)
    return HttpResponseRedirect(desk.address("filters"))


def apply_template(desk: Desk, pk: UUID) -> HttpResponse:
    """Copy a template of the organization for this person (10.1 c); or, for the organization, take our proposals."""
    desk.insist("tracking.change_syncfilter")
    if desk.is_organization:
        raise Http404("Templates are copied for people.")
    found = get_object_or_404(SyncFilter, pk=pk, owner=None, is_active=True)
    made, is_new = SyncFilter.objects.get_or_create(
        owner_id=desk.user_id,
        record_kind=found.record_kind,
        name=found.name,
        defaults={"template": found, "conditions": found.conditions},
    )
    if is_new:
        messages.success(desk.request, f"“{made.name}” is among the filters now.")
    else:
        messages.info(desk.request, f"“{made.name}” was among the filters already.")
    _run(desk)
    return HttpResponseRedirect(desk.address("filters"))


def propose(desk: Desk) -> HttpResponse:
    """The templates that we propose, for an organization that has none."""
    desk.insist("tracking.change_syncfilter")
    number = len(templates())
    messages.success(desk.request, f"There are {number} templates now. New people get those that are marked so.")
    return HttpResponseRedirect(desk.address("filters"))


def _run(desk: Desk) -> None:
    if desk.space == OWN or desk.mailbox is not None:
        request_act(desk.mailbox, timezone.now())
