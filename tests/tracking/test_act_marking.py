"""Items that cannot be marked, in memory: they cost only themselves, and come to rest (laws 5 and 7)."""

from __future__ import annotations

from typing import Any

import pytest

from mailboxes.models.settings import current_policy
from profiles.act_items import ItemKind, Written
from profiles.connectors.base import ItemRejected, OutcomeUnknown
from profiles.connectors.memory_items import MemoryItemStore
from tests.company import decide
from tests.synchronizing import task
from tests.tracking.act_offices import MemoryOffice, cycle, time_passes
from tracking.crm.models import Task
from tracking.models import ExchangeSyncIdMapping

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> MemoryOffice:
    decide(deletions_at_once_percent=100, deletions_at_once_number=0)
    return MemoryOffice()


def break_the_line_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the item that is the first to be marked is to be marked."""
    real, poisoned = MemoryItemStore.mark, [""]

    def mark(self: Any, kind: ItemKind, key: str, version: str, mark: str) -> Written:
        poisoned[0] = poisoned[0] or key
        if key == poisoned[0]:
            raise OutcomeUnknown("The line broke.")
        return real(self, kind, key, version, mark)

    monkeypatch.setattr(MemoryItemStore, "mark", mark)


def test_an_item_that_cannot_be_marked_costs_only_itself(  # law 5
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        office.put(ItemKind.TASK, {"subject": f"Theirs {number}"})
    task(office.alice, "Ours")
    break_the_line_at_one(monkeypatch)
    assert cycle(office) == -1
    assert cycle(office) > 0
    assert Task.objects.filter(subject__startswith="Theirs").count() == 3
    assert (Task.objects.count(), sum(not one.mark for one in office.items.held.values())) == (4, 1)
    broken_off = 0
    for _ in range(4):
        time_passes()
        broken_off += cycle(office) == -1
    assert broken_off == 1  # it was tried once more
    assert not ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).exists()


def test_a_pair_that_failed_for_good_is_not_due_because_its_item_bears_no_mark(office: MemoryOffice) -> None:  # 12.1
    office.put(ItemKind.TASK, {"subject": "Read the contract"})
    office.server.trouble("write items", ItemRejected("You may only read."))
    cycle(office)
    ours = Task.objects.get()
    ours.description = "Page 3"
    ours.save()
    for _ in range(current_policy().item_attempts):
        office.server.trouble("write items", ItemRejected("You may only read."))
        cycle(office)
        time_passes()
    office.calm_down()
    row = ExchangeSyncIdMapping.objects.get()
    assert (row.last_sync_error, row.next_attempt_on) == ("You may only read.", None)
