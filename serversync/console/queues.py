"""The pages of those who work in queues: what waits, who works on it, and the moves, one by one or many at once (5.18)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes.models import Queue
from mailboxes.ownership import queues_of, queues_open_to
from mailboxes.readers import people_of
from serversync.console.owner import for_people, show_to_owner
from serversync.console.pages import way_back
from serversync.console.reading import note
from tracking.decide.queue_moves import Move
from tracking.facts.queue_items import Show, described, handed_to, items_of, queues_with_counts
from tracking.keep import queue_work
from tracking.keep.converting import convert
from tracking.keep.queue_work import NotPossible, Seen, Worked, email_ids, name_of

PER_PAGE = 50
CHOICES = 200
"""Queues and members that a page offers to choose from."""
TOLD = 5
"""Items that were left as they are, told one by one."""
_SEEN = re.compile(r"([0-9a-f-]{36}):([0-9]{0,18})")
_SAID = {
    Move.PICK: "You work on {items} now.",
    Move.ASSIGN: "Assigned to {whom}: {items}.",
    Move.RELEASE: "Released, so that others may pick: {items}.",
    Move.ROUTE: "Routed to {whom}: {items}.",
    Move.HAND: "Handed to {whom}, who owns the mail now and was told: {items}.",
    Move.CONVERT: "Converted to a case: {items}. What customers answer belongs to it as well.",
    Move.CLOSE: "Closed: {items}.",
    Move.REOPEN: "Open again, for anybody to pick: {items}.",
}
_NOTED = {
    Move.ROUTE: "Routed from the queue {queue} to {whom}.",
    Move.HAND: "Handed from the queue {queue} to {whom}.",
    Move.CONVERT: "Converted to a case in the queue {queue}.",
}


@for_people
def mine(request: HttpRequest) -> HttpResponse:
    """The queues that the person works in, with what waits in each; and what others have handed to them."""
    return show_to_owner(
        request,
        "queues/mine.html",
        "Queue work",
        queues=queues_with_counts(request.user),
        handed=handed_to(request.user),
    )


@for_people
def queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What waits in one queue. For its owner and its members; nobody else learns that it exists."""
    found: Any = next((one for one in queues_with_counts(request.user) if one.pk == pk), None)
    if found is None:
        raise Http404("There is no such queue, or you do not work in it.")
    show = Show(request.GET["show"]) if request.GET.get("show") in list(Show) else Show.OPEN
    words = request.GET.get("q", "").strip()[:200]
    page = Paginator(items_of(found, show, words, request.user), PER_PAGE).get_page(request.GET.get("p"))
    chosen = {"show": str(show), **({"q": words} if words else {})}
    return show_to_owner(
        request,
        "queues/queue.html",
        f"Work in {found}",
        queue=found,
        show=show,
        words=words,
        filters=_filters(found),
        page=page,
        lines=described(list(page), request.user),
        around=urlencode(chosen),
        members=_members(found),
        targets=list(queues_open_to(request.user).exclude(pk=pk)[:CHOICES]),
    )


def _filters(found: Any) -> list[tuple[Show, str, int | None]]:
    return [
        (Show.OPEN, "All open", found.open),
        (Show.UNPICKED, "Not picked", found.unpicked),
        (Show.MINE, "Mine", found.mine),
        (Show.CLOSED, "Closed", None),
    ]


def _members(found: Queue) -> list[Any]:
    people = get_user_model().objects.filter(pk__in=people_of(found.pk), is_active=True)
    return list(people.order_by("first_name", "username")[:CHOICES])


@for_people
@require_POST
def work(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One move with one item or with all that are ticked."""
    found = get_object_or_404(queues_of(request.user), pk=pk)
    try:
        move, seen = _asked(request)
        whom = _whom(request, move)
        worked = _do(found, move, seen, whom, request.user)
    except NotPossible as error:
        messages.error(request, f"Nothing was changed. {error}")
    else:
        _note(request, found, move, whom, worked)
        _say(request, move, whom, worked)
    return HttpResponseRedirect(way_back(request, reverse("queues:queue", args=[pk])))


def _asked(request: HttpRequest) -> tuple[Move, list[Seen]]:
    """Which move with which items: the button of one line names both. Raises NotPossible."""
    word, _, one = request.POST.get("one", "").partition(" ")
    chosen = [one] if one else request.POST.getlist("item")[:PER_PAGE]
    word = word or request.POST.get("move", "")
    if word not in list(Move):
        raise NotPossible("Press one of the buttons of the page.")
    if not chosen:
        raise NotPossible("Tick the items it is for first.")
    found = [_SEEN.fullmatch(value) for value in chosen]
    try:
        return Move(word), [Seen(UUID(one[1]), int(one[2]) if one[2] else None) for one in found if one]
    except ValueError:
        raise NotPossible("Reload the page and try again.") from None


def _whom(request: HttpRequest, move: Move) -> Any:
    """The member, the queue or the person that the move goes to, if it goes to one. Raises NotPossible."""
    if move is Move.ASSIGN:
        return _one(get_user_model().objects.filter(pk=_number(request, "member")), "Assign to: choose a member.")
    if move is Move.ROUTE:
        chosen = request.POST.get("target", "")
        known = queues_open_to(request.user)
        return _one(known.filter(pk=chosen) if _is_uuid(chosen) else known.none(), "Route to: choose a queue.")
    if move is Move.HAND:
        name = request.POST.get("person", "").strip()[:254]
        people = get_user_model().objects.filter(Q(username__iexact=name) | Q(email__iexact=name), is_active=True)
        nobody = f"nobody here is called “{name}”. Enter" if name else "enter"
        missing = f"Hand to: {nobody} a user name or an email address."
        return _one(people if name else people.none(), missing)
    return None


def _one(rows: Any, otherwise: str) -> Any:
    found = list(rows[:2])
    if len(found) != 1:
        raise NotPossible(otherwise if not found else "Hand to: several people have this address. Enter a user name.")
    return found[0]


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else 0


def _is_uuid(value: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def _do(found: Queue, move: Move, seen: Sequence[Seen], whom: Any, by: Any) -> Worked:
    now = timezone.now()
    if move is Move.ASSIGN:
        return queue_work.assign(found, seen, whom, by, now)
    if move is Move.ROUTE:
        return queue_work.route(found, seen, whom, by, now)
    if move is Move.HAND:
        return queue_work.hand_over(found, seen, whom, by, now)
    alone = {
        Move.PICK: queue_work.pick,
        Move.RELEASE: queue_work.release,
        Move.CLOSE: queue_work.close,
        Move.REOPEN: queue_work.reopen,
        Move.CONVERT: convert,
    }
    return alone[move](found, seen, by, now)


def _note(request: HttpRequest, found: Queue, move: Move, whom: Any, worked: Worked) -> None:
    """A line in the change history of each email that others read from now on, or that became a case."""
    if move in _NOTED:
        for pk in email_ids(worked.done):
            note(request, UUID(pk), _NOTED[move].format(queue=found, whom=_called(whom)))


def _say(request: HttpRequest, move: Move, whom: Any, worked: Worked) -> None:
    """What was done, and for each item that was left as it is why."""
    if worked.done:
        number = len(worked.done)
        items = "1 item" if number == 1 else f"{number} items"
        messages.success(request, _SAID[move].format(items=items, whom=_called(whom)))
    items_left = [one.item for one in worked.refused if one.item is not None]
    titles = {line.item.pk: line.title for line in described(items_left[:TOLD], request.user)}
    for one in worked.refused[:TOLD]:
        title = titles.get(one.item.pk, "") if one.item is not None else ""
        messages.warning(request, f"“{title}”: {one.because}" if title else one.because)
    if len(worked.refused) > TOLD:
        messages.warning(request, f"{len(worked.refused) - TOLD} more were left as they are.")


def _called(whom: Any) -> str:
    return "" if whom is None else str(whom) if isinstance(whom, Queue) else name_of(whom)


addresses = [
    path("", mine, name="mine"),
    path("<uuid:pk>/", queue, name="queue"),
    path("<uuid:pk>/moves/", work, name="work"),
]
