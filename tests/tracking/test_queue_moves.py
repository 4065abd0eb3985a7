"""Moves of queue items: the table (law 11), and that no order of moves by several people loses or doubles work (5.18)."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes.models import Queue, QueueItem, QueueMember
from profiles.models import StateCode
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox
from tracking.crm.models import Email
from tracking.decide.queue_moves import MOVES, Move, Standing, allowed, standing_of
from tracking.keep import queue_work
from tracking.keep.converting import convert
from tracking.keep.queue_work import NotPossible, Seen, Worked

STANDINGS = [  # open, somebody works on it → what may be done
    (True, False, {Move.PICK, Move.ASSIGN, Move.ROUTE, Move.HAND, Move.CONVERT, Move.CLOSE}),
    (True, True, {Move.ASSIGN, Move.RELEASE, Move.ROUTE, Move.HAND, Move.CONVERT, Move.CLOSE}),
    (False, False, {Move.REOPEN}),
    (False, True, {Move.REOPEN}),  # who worked on it is kept
]


@pytest.mark.parametrize(("is_open", "has_worker", "moves"), STANDINGS)
def test_what_may_be_done_with_an_item(is_open: bool, has_worker: bool, moves: set[Move]) -> None:
    assert set(allowed(standing_of(is_open, has_worker))) == moves


class House:
    """Support and Sales, both worked by Alice and Bob; Charlie works in neither."""

    def __init__(self) -> None:
        self.support, self.sales = Queue.objects.create(name="Support"), Queue.objects.create(name="Sales")
        self.alice, self.bob, self.charlie = (
            mailbox(name, runs=False).regarding_user for name in ("Alice", "Bob", "Charlie")
        )
        for queue in (self.support, self.sales):
            for person in (self.alice, self.bob):
                QueueMember.objects.create(queue=queue, user=person)

    def item(self, standing: Standing = Standing.WAITING, number: int = 0) -> QueueItem:
        """An item of Support that stands so; Bob works, or worked, on it."""
        email = kept(self.support.mailbox, letter("ann@acme.test", "support@us.test", f"Letter {number}", "x"))
        return QueueItem.objects.create(
            queue=self.support,
            object=email,
            entered_on=timezone.now(),
            worker=None if standing is Standing.WAITING else self.bob,
            state_code=StateCode.INACTIVE if standing is Standing.CLOSED else StateCode.ACTIVE,
        )

    def does(self, move: Move, queue: Queue, seen: list[Seen], by: Any) -> Worked:
        """The move, to Bob, to the other queue or to Charlie where it goes somewhere."""
        now, other = timezone.now(), self.sales if queue == self.support else self.support
        if move is Move.ASSIGN:
            return queue_work.assign(queue, seen, self.bob, by, now)
        if move is Move.ROUTE:
            return queue_work.route(queue, seen, other, by, now)
        if move is Move.HAND:
            return queue_work.hand_over(queue, seen, self.charlie, by, now)
        alone = {
            Move.PICK: queue_work.pick,
            Move.RELEASE: queue_work.release,
            Move.CLOSE: queue_work.close,
            Move.REOPEN: queue_work.reopen,
            Move.CONVERT: convert,
        }
        return alone[move](queue, seen, by, now)


@pytest.fixture
def house(db: None) -> House:
    return House()


def seen(item: QueueItem) -> Seen:
    return Seen(item.pk, item.worker_id)


def stands(item: QueueItem) -> Standing:
    return standing_of(item.state_code == StateCode.ACTIVE, item.worker_id is not None)


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("move", Move)
def test_each_move_goes_where_the_table_says_and_changes_nothing_otherwise(
    house: House, move: Move, standing: Standing
) -> None:
    item = house.item(standing)
    before = QueueItem.objects.values().get()

    worked = house.does(move, house.support, [seen(item)], house.alice)

    after = QueueItem.objects.get(pk=item.pk)
    if move in allowed(standing):
        assert (worked.done, worked.refused) == ([after], [])
        assert stands(after) is MOVES[move][1]
    else:
        assert worked.done == []
        assert worked.refused[0].because
        assert QueueItem.objects.values().get() == before


@pytest.mark.parametrize("move", [one for one in Move if one not in (Move.PICK, Move.REOPEN)])
def test_what_changed_hands_since_it_was_looked_at_is_left_alone(house: House, move: Move) -> None:
    item = house.item(Standing.PICKED)
    worked = house.does(move, house.support, [Seen(item.pk, house.alice.pk)], house.alice)
    assert [one.because for one in worked.refused] == ["Bob took it in the meantime."]
    assert stands(QueueItem.objects.get()) is Standing.PICKED


def test_an_item_of_another_queue_is_not_moved(house: House) -> None:
    item = house.item()
    worked = house.does(Move.PICK, house.sales, [seen(item)], house.alice)
    assert [one.because for one in worked.refused] == ["It is no longer in this queue."]


def test_nothing_goes_back_to_the_queue_it_comes_from(house: House) -> None:
    item = house.item()
    with pytest.raises(NotPossible, match="Support cannot be chosen"):
        queue_work.route(house.support, [seen(item)], house.support, house.alice, timezone.now())


STEP = st.tuples(
    st.sampled_from([one for one in Move if one not in (Move.HAND, Move.CONVERT)]),
    st.booleans(),  # in which queue
    st.booleans(),  # by whom
    st.booleans(),  # whether the page was loaded before the step of the other one
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=12))
def test_no_order_of_moves_loses_or_doubles_work(house: House, steps: list[tuple[Move, bool, bool, bool]]) -> None:
    """Both queues follow a model of two standings; a step on a page that is out of date changes nothing it does not show."""
    Email.objects.all().delete()
    QueueItem.objects.all().delete()
    house.item()
    model: dict[Queue, Standing] = {house.support: Standing.WAITING}
    stale: dict[Queue, Seen] = {}
    for move, in_sales, by_bob, is_stale in steps:
        queue, other = (house.sales, house.support) if in_sales else (house.support, house.sales)
        item = QueueItem.objects.filter(queue=queue).first()
        if item is None:
            assert queue not in model
            continue
        shown = stale.get(queue, seen(item)) if is_stale else seen(item)
        worker_before = item.worker_id
        worked = house.does(move, queue, [shown], house.bob if by_bob else house.alice)
        fits = move in (Move.PICK, Move.REOPEN) or shown.worker_id == worker_before
        legal = model[queue] in MOVES[move][0] and fits
        assert bool(worked.done) is legal
        if legal:
            model[queue] = MOVES[move][1]
            if move is Move.ROUTE and model.get(other) in (None, Standing.CLOSED):
                model[other] = Standing.WAITING
        stale[queue] = shown
        assert {one.queue: stands(one) for one in QueueItem.objects.select_related("queue")} == model
