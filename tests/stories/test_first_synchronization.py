"""Before Alice’s first synchronization both sides are counted; then it goes on through every interruption (10.1 f)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.discovery import found_access
from mailboxes.models import ActDeliveryMethod, Leg, Mailbox, MailboxLeg
from mailboxes.models.leg import LEASE, LeaseLost
from mailboxes.models.settings import current_policy
from profiles.act_items import ItemKind
from profiles.connectors import open_item_store
from serversync import schedule, tasks
from serversync.cycles import act_preview
from serversync.cycles.act import Act
from tests.company import Company
from tests.synchronizing import ALICE, CATEGORY, alice_on, appointment, contact, held, soon, synchronize, task
from tests.tracking.filing_office import Brittle
from tracking.crm.models import Contact, Task
from tracking.keep.act.previews import Held, PreviewLost, request_preview, take_request
from tracking.models import ExchangeSyncIdMapping, SyncFilter, SyncProgress

APPOINTMENTS, CONTACTS, TASKS = ItemKind.APPOINTMENT, ItemKind.CONTACT, ItemKind.TASK
WRITES = {"CreateItem", "UpdateItem", "DeleteItem", "MoveItem", "SendItem"}
pytestmark = pytest.mark.django_db(transaction=True)


def put(company: Company, kind: ItemKind, name: str, *, is_tracked: bool = True, **fields: str) -> None:
    told: dict[str, str] = {"full_name": name} if kind is CONTACTS else {"subject": name}
    if kind is APPOINTMENTS:
        start = soon()
        told |= {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), "time_zone": "UTC"}
    company.sandbox.put_act_item(ALICE, kind, told | fields, categories=[CATEGORY] if is_tracked else [])


def counted(alice: Mailbox, kind: ItemKind) -> dict[str, int]:
    """What the worker has counted, but what is none."""
    row = SyncProgress.objects.get(mailbox=alice, kind=kind)
    assert not row.preview.get("error"), row.preview
    return {name: number for name, number in row.preview["numbers"].items() if number}


def let_the_worker_count(alice: Mailbox) -> None:
    request_preview(alice, timezone.now())
    while act_preview.count_next(timezone.now):
        pass


def people_on_both_sides(company: Company, alice: Mailbox) -> None:
    contact(alice, "Ann Smith", first_name="Ann", last_name="Smith", email_address_1="ann@acme.test")
    contact(alice, "Bert Jones", email_address_1="info@acme.test")
    contact(alice, "Only Here")
    put(company, CONTACTS, "Ann Smith", email_1="ann@acme.test")
    put(company, CONTACTS, "Cleo Moss", email_1="info@acme.test")
    put(company, CONTACTS, "Dan New", email_1="dan@new.test")
    put(company, CONTACTS, "Private Friend", is_tracked=False)


def test_everything_is_counted_on_both_sides_and_nothing_is_written(company: Company) -> None:
    alice = alice_on(company)
    people_on_both_sides(company, alice)
    task(alice)
    put(company, TASKS, "Buy milk", is_tracked=False)
    appointment(alice, "Offer", invited="zoe@them.test yan@them.test")
    put(company, APPOINTMENTS, "Fair")
    company.sandbox.clear_log()
    let_the_worker_count(alice)
    here = {"wanted": 3, "made": 1}
    assert counted(alice, CONTACTS) == {"there": 4, "same": 1, "asked": 1, "tracked": 1, "stays": 1, **here}
    assert counted(alice, TASKS) == {"there": 1, "stays": 1, "wanted": 1, "made": 1}
    assert counted(alice, APPOINTMENTS) == {"there": 1, "tracked": 1, "wanted": 1, "made": 1, "mails": 2}
    assert not WRITES & set(company.sandbox.log()["counters"]["ews"])
    assert not ExchangeSyncIdMapping.objects.exists()
    assert not SyncFilter.objects.filter(owner=alice.regarding_user).exists()


def test_what_was_counted_comes_true(company: Company) -> None:
    alice = alice_on(company)
    people_on_both_sides(company, alice)
    let_the_worker_count(alice)
    numbers = counted(alice, CONTACTS)
    synchronize(alice)
    assert len(held(company, CONTACTS)) == numbers["there"] + numbers["made"]
    assert Contact.objects.count() == numbers["wanted"] + numbers["tracked"]
    let_the_worker_count(alice)
    assert counted(alice, CONTACTS) == {"there": 5, "linked": 3, "tracked": 1, "stays": 1, "wanted": 4, "made": 1}


def test_what_was_linked_before_is_counted_as_ours(company: Company) -> None:  # law 7
    alice = alice_on(company)
    for number in range(3):
        task(alice, f"Task {number}")
    synchronize(alice)
    ExchangeSyncIdMapping.objects.filter(item_subject="Task 0").update(exchange_entry_id="", server_version="")
    ExchangeSyncIdMapping.objects.filter(item_subject="Task 1").update(is_unlinked_in_crm=True)
    let_the_worker_count(alice)
    assert counted(alice, TASKS) == {"there": 3, "again": 1, "before": 1, "linked": 1, "wanted": 3}


def test_why_it_cannot_be_counted_is_said(company: Company) -> None:
    alice = alice_on(company)
    company.sandbox.fault(face="ews", operation="SyncFolderItems", effect="status", status=500, times=9)
    let_the_worker_count(alice)
    row = SyncProgress.objects.get(mailbox=alice, kind=TASKS)
    assert row.preview["error"]
    assert (row.previewed_on, "due" in row.preview) == (None, False)


def test_the_owner_asks_sees_the_numbers_and_counts_again(company: Company) -> None:
    alice = alice_on(company)
    alice.legs.update(enabled=False)  # the numbers are what somebody wants to see before
    task(alice)
    client = Client()
    client.force_login(alice.regarding_user)  # type: ignore[arg-type]
    press = client.post(reverse("calendar:count"), follow=True).content.decode()
    assert "It is being counted…" in press
    assert "every 2s" in press
    assert schedule.something_is_due(timezone.now())
    tasks.drain()
    assert not schedule.something_is_due(timezone.now())
    shown = client.get(reverse("calendar:how_far")).content.decode()
    assert "Count again" in shown
    assert "Would be made in Exchange" in shown
    assert "every 2s" not in shown


def test_the_command_counts_at_once(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    alice = alice_on(company)
    task(alice)
    call_command("sync", "--leg", "act", "--preview", "--mailbox", ALICE)
    told = capsys.readouterr().out
    assert "Would be made in Exchange" in told
    assert held(company, TASKS) == {}
    assert Task.objects.count() == 1


def test_a_count_that_is_interrupted_goes_on_where_it_was(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = alice_on(company)
    monkeypatch.setattr("profiles.connectors.ews.act.listing.PAGE", 2)
    monkeypatch.setattr(act_preview, "SLICE", timedelta(0))
    for number in range(5):
        put(company, TASKS, f"Task {number}", is_tracked=number % 2 == 0)
    request_preview(alice, timezone.now())
    slices = 0
    while act_preview.count_next(timezone.now):
        slices += 1
    assert slices > 3
    assert counted(alice, TASKS) == {"there": 5, "tracked": 3, "stays": 2}


def test_a_worker_that_was_thought_dead_writes_nothing_over_another_ones_count(company: Company) -> None:  # law 6
    alice, now = alice_on(company), timezone.now()
    request_preview(alice, now)
    slow = take_request(now)
    assert slow is not None
    one = Held(slow, lambda: now)
    one.counted("first page", {"there": 256})
    assert len([row for _ in range(3) if (row := take_request(now))]) == 2  # the other kinds
    later = now + LEASE + timedelta(seconds=1)
    again = take_request(later, SyncProgress.objects.filter(pk=slow.pk))
    assert again is not None
    assert Held(again, lambda: later).so_far == ("first page", {"there": 256})
    with pytest.raises(PreviewLost):
        one.answer({"there": 1})
    assert SyncProgress.objects.get(pk=slow.pk).previewed_on is None


# Progress


class Killed(Brittle):
    """Nothing is written any more, from the given commit on."""

    def pin(self) -> None:
        if self._left == 1:
            raise LeaseLost("another worker took over")
        super().pin()


def cycle(alice: Mailbox, commits: int = 0) -> bool:
    """A cycle of the shortest budget; killed after so many commits."""
    now = timezone.now()
    claim = MailboxLeg.objects.claim(MailboxLeg.objects.get(mailbox=alice, leg=Leg.ACT), now, "tests")
    assert claim is not None
    fresh = Mailbox.objects.select_related("regarding_user__sync_settings").get(pk=alice.pk)
    store = open_item_store(found_access(fresh, Leg.ACT, now))
    try:
        Act(fresh, store, Killed(claim, now, commits), current_policy(), now, budget=timedelta(-1)).run()
        return True
    except LeaseLost:
        return False
    finally:
        store.close()
        MailboxLeg.objects.release(claim)


def test_the_first_synchronization_of_many_items_goes_on_after_a_kill(company: Company) -> None:  # law 1
    alice = alice_on(company)
    for number in range(150):
        put(company, TASKS, f"There {number}")
        task(alice, f"Here {number}")
    seen: list[tuple[int, int]] = []
    while SyncProgress.objects.filter(kind=TASKS, finished_on__isnull=False).count() == 0:
        assert cycle(alice, commits=30 if len(seen) == 2 else 0) == (len(seen) != 2)
        row = SyncProgress.objects.get(kind=TASKS)
        done = ExchangeSyncIdMapping.objects.exclude(agreed_on=None).count()
        assert row.done <= done <= row.done + 50
        seen.append((row.done, row.total))
        if len(seen) == 1:
            shown = Client()
            shown.force_login(alice.regarding_user)  # type: ignore[arg-type]
            page = shown.get(reverse("calendar:start")).content.decode()
            assert "Tasks: 50 of 300 done" in page
            assert "every 2s" in page
            assert "Tasks: 50 of 300 done" in shown.get(reverse("owner:own")).content.decode()
        assert len(seen) < 12
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300)
    assert Task.objects.count() == len(held(company, TASKS)) == 300


def test_the_newest_comes_first(company: Company) -> None:
    alice = alice_on(company)
    for number in range(60):
        made = task(alice, f"Task {number:02}")
        Task.objects.filter(pk=made.pk).update(modified_on=timezone.now() - timedelta(days=(number * 7) % 60))
    cycle(alice)
    waiting: Any = Task.objects.filter(
        pk__in=list(ExchangeSyncIdMapping.objects.filter(agreed_on=None).values_list("object_id", flat=True))
    )
    oldest_done = Task.objects.exclude(pk__in=waiting).order_by("modified_on").first()
    newest_waiting = waiting.order_by("-modified_on").first()
    assert waiting.count() == 10
    assert oldest_done is not None
    assert oldest_done.modified_on > newest_waiting.modified_on


def test_a_mailbox_that_is_not_exchange_says_so(company: Company) -> None:  # 1.2
    bob = company.user("Bob", company.pop3_profile())
    assert "Exchange" in act_preview.why_not(bob, timezone.now())
    alice = alice_on(company)
    assert act_preview.why_not(alice, timezone.now()) == ""
    Mailbox.objects.filter(pk=alice.pk).update(act_delivery_method=ActDeliveryMethod.NONE)
    assert act_preview.why_not(Mailbox.objects.get(pk=alice.pk), timezone.now()) == ""
