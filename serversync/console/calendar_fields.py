"""Which way each field goes, for the whole organization (10.8)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect

from mailboxes.models.settings import current_policy
from serversync.console.calendar_desk import Desk, kind_named, label_of
from serversync.console.calendar_sides import DIRECTIONS
from tracking.decide.field_maps import FIELD_MAPS, RecordKind, directions, problem
from tracking.decide.merge import Direction
from tracking.models import SyncAttributeMapping, SyncDirection


def fields(desk: Desk) -> HttpResponse:
    """The table of one kind of record; fixed fields say so, the others have their possible directions."""
    kind = kind_named(desk.request.GET.get("kind", "") or desk.request.POST.get("kind", "") or "appointment")
    if desk.request.method == "POST":
        return _save(desk, kind)
    return _show(desk, kind)


def _show(desk: Desk, kind: RecordKind, wrong: tuple[str, ...] = ()) -> HttpResponse:
    policy = current_policy()
    chosen = _chosen(kind)
    holds = directions(kind, chosen, policy)
    rows = [
        {
            "name": name,
            "label": one.label,
            "columns": ", ".join(column.replace("_", " ") for column in one.columns) or "who takes part",
            "default": DIRECTIONS[one.default],
            "holds": DIRECTIONS[holds[name]],
            "is_fixed": one.is_fixed,
            "by_setting": holds[name] != chosen.get(name, one.default) and not one.is_fixed,
            "is_chosen": name in chosen and not one.is_fixed,
            "choices": [
                (int(way), str(SyncDirection(int(way)).label), way == chosen.get(name, one.default))
                for way in one.allowed
            ],
        }
        for name, one in FIELD_MAPS[kind].items()
    ]
    return desk.show(
        "calendar/fields.html",
        "Which way fields go",
        422 if wrong else 200,
        kind=kind.value,
        kinds=[(one.value, label_of(one), one is kind) for one in RecordKind],
        rows=rows,
        wrong=wrong,
        may_edit=desk.may("tracking.change_syncattributemapping"),
    )


def _chosen(kind: RecordKind) -> dict[str, int]:
    rows = SyncAttributeMapping.objects.filter(record_kind=kind.value)
    return dict(rows.values_list("field", "sync_direction"))


def _save(desk: Desk, kind: RecordKind) -> HttpResponse:
    """What was chosen; the default is no row."""
    desk.insist("tracking.change_syncattributemapping")
    given = {name: desk.request.POST[f"way-{name}"] for name in FIELD_MAPS[kind] if f"way-{name}" in desk.request.POST}
    wanted = {name: int(value) if value.isdecimal() and len(value) < 3 else -1 for name, value in given.items()}
    wrong = tuple(words for name, way in wanted.items() if (words := problem(kind, name, way)))
    if wrong:
        return _show(desk, kind, wrong)
    changed = 0
    for name, way in wanted.items():
        changed += _set(kind, name, way, desk.request.user)
    if changed:
        messages.success(desk.request, f"Saved: {changed} field{'s go' if changed > 1 else ' goes'} another way now.")
    else:
        messages.info(desk.request, "Nothing was changed.")
    return HttpResponseRedirect(desk.address("fields", kind=kind.value))


def _set(kind: RecordKind, name: str, way: int, by: Any) -> int:
    rows = SyncAttributeMapping.objects.filter(record_kind=kind.value, field=name)
    if way == FIELD_MAPS[kind][name].default:
        return rows.delete()[0]
    before = rows.values_list("sync_direction", flat=True).first()
    if before == way:
        return 0
    SyncAttributeMapping.objects.update_or_create(
        record_kind=kind.value, field=name, defaults={"sync_direction": Direction(way).value, "modified_by": by}
    )
    return 1
