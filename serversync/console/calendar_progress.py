"""What is under way for one person: the states of all copies, the first synchronization, and the numbers that were counted
before it; refreshing by itself for as long as anything moves (10.1 f)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone

from mailboxes.models import Leg, Mailbox
from serversync.console.calendar_desk import Desk
from serversync.cycles.act_counting import HERE, THERE
from serversync.cycles.act_preview import why_not
from tracking.facts.calendar.pairs import TITLES, Standing, states_in
from tracking.facts.calendar.progress import progress_in
from tracking.keep.act.previews import request_preview
from tracking.models import SyncedKind, SyncProgress

SIDES = (("In Exchange", THERE), ("Here", HERE))


def how_far(desk: Desk) -> HttpResponse:
    """The part of the page that refreshes itself."""
    return desk.fragment("calendar/how_far.html", **how_far_of(desk))


def how_far_of(desk: Desk) -> dict[str, Any]:
    """What that part shows."""
    mailbox = desk.own_mailbox()
    states, rows = states_in(mailbox), progress_in(mailbox)
    leg = mailbox.legs.filter(leg=Leg.ACT).first()
    kinds = [_states(str(label), states.get(kind, {})) for kind, label in SyncedKind.choices]
    is_synchronized = leg is not None and leg.enabled
    counting = any("due" in one.preview for one in rows)
    runs = [_first_run(one) for one in rows if one.started_on and one.total]
    is_moving = is_synchronized and (
        any(one["is_under_way"] for one in kinds) or not all(one["is_over"] for one in runs)
    )
    return {
        "leg": leg,
        "is_synchronized": is_synchronized,
        "kinds": kinds,
        "runs": runs,
        "counted": _counted(mailbox, rows, counting),
        "is_counting": counting,
        "is_moving": is_moving or counting,
        "may_run": desk.may("mailboxes.change_mailbox"),
        "to_refresh": desk.address("how_far"),
        "to_count": desk.address("count"),
    }


def _states(label: str, states: dict[Standing, int]) -> dict[str, Any]:
    """How many copies are in which state, and whether some of them wait for a run."""
    return {
        "label": label,
        "states": [(TITLES[one], states.get(one, 0), one.value) for one in Standing],
        "is_under_way": states.get(Standing.PENDING, 0) > 0,
    }


def _first_run(one: SyncProgress) -> dict[str, Any]:
    return {"row": one, "label": f"{one.get_kind_display()}s", "is_over": one.finished_on is not None}


def _counted(mailbox: Mailbox, rows: list[SyncProgress], counting: bool) -> dict[str, Any]:
    """The numbers of all kinds, side by side; while it is counted, how much was seen."""
    numbers = {one.kind: one.preview.get("numbers", {}) for one in rows}
    dates = [one.previewed_on for one in rows if one.previewed_on and numbers[one.kind]]
    kinds = [(kind, f"{label}s") for kind, label in SyncedKind.choices]
    return {
        "kinds": [label for _, label in kinds],
        "on": min(dates) if dates else None,
        "sides": [(title, _lines(names, [numbers.get(kind, {}) for kind, _ in kinds])) for title, names in SIDES],
        "errors": sorted({one.preview["error"] for one in rows if one.preview.get("error")}),
        "so_far": sum(one.preview.get("so_far", {}).get("there", 0) for one in rows),
        "why_not": "" if counting else why_not(mailbox, timezone.now()),
    }


def _lines(names: Mapping[str, str], of_kinds: list[dict[str, int]]) -> list[tuple[str, list[int | None]]]:
    """The lines of one side: the first, and all that are not nothing everywhere."""
    lines = [(words, [numbers.get(name) for numbers in of_kinds]) for name, words in names.items()]
    return [line for number, line in enumerate(lines) if number == 0 or any(line[1])]


def count(desk: Desk) -> HttpResponse:
    """Ask the worker what the next synchronization would do."""
    desk.insist("mailboxes.change_mailbox")
    obstacle = why_not(desk.own_mailbox(), timezone.now())
    if obstacle:
        messages.warning(desk.request, f"Nothing is counted. {obstacle}")
    else:
        request_preview(desk.own_mailbox(), timezone.now())
        messages.success(desk.request, "It is counted now, without changing anything.")
    return desk.back("start")
