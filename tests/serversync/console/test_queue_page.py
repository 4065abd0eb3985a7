"""The pages of a queue: they cost the same however much waits, page by page, and home shows what there is to do."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Queue, QueueItem
from tests.letters import letter
from tests.serversync.console.people import kept
from tests.serversync.console.roles import Office
from tracking.crm.models import Account, Email


def fill(office: Office, first: int, last: int) -> Queue:
    """Letters with these numbers wait in Support, each a minute longer than the one before; every third is Mia's."""
    queue, now = office.supports.regarding_queue, timezone.now()
    assert queue is not None
    for number in range(first, last):
        email = kept(office.supports, letter("ann@acme.test", "support@us.test", f"Letter {number}", "x"))
        QueueItem.objects.create(
            queue=queue,
            object=email,
            entered_on=now - timedelta(minutes=number),
            worker=None if number % 3 else office.people["mia"],
        )
    return queue


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return len(found)


def test_the_pages_cost_the_same_for_three_items_and_for_sixty(office: Office) -> None:
    mia, queue = office.browsers["mia"], fill(office, 0, 3)
    addresses = [
        reverse("queues:mine"),
        reverse("queues:queue", args=[queue.pk]),
        reverse("queues:queue", args=[queue.pk]) + "?q=letter",
    ]
    for address in addresses:
        mia.get(address)
    few = [queries(mia, address) for address in addresses]
    fill(office, 3, 60)
    assert [queries(mia, address) for address in addresses] <= few


def test_the_oldest_is_first_and_the_rest_is_on_the_next_page(office: Office) -> None:
    mia, queue = office.browsers["mia"], fill(office, 0, 60)
    first = mia.get(reverse("queues:queue", args=[queue.pk]))
    assert [line.title for line in first.context["lines"]][:2] == ["Letter 59", "Letter 58"]
    assert b"?show=open&amp;p=2" in first.content
    second = mia.get(reverse("queues:queue", args=[queue.pk]) + "?show=open&p=2")
    assert second.context["lines"][-1].title == "Letter 0"
    assert len(first.context["lines"]) + len(second.context["lines"]) == 60


def test_the_list_counts_what_is_open_not_picked_and_mine(office: Office) -> None:
    queue = fill(office, 0, 4)
    QueueItem.objects.filter(object_id=str(Email.objects.get(subject="Letter 1").pk)).update(state_code=1)
    page = office.browsers["mia"].get(reverse("queues:mine"))
    (found,) = page.context["queues"]
    assert (found, found.open, found.unpicked, found.mine) == (queue, 3, 1, 2)
    assert page.context["queue_work"] == 3
    alices = office.browsers["alice"].get(reverse("queues:mine"))  # she owns the queue
    assert (alices.context["queues"][0].mine, alices.context["queue_work"]) == (0, 1)
    assert office.browsers["charlie"].get(reverse("queues:mine")).context["queues"] == []


def test_home_shows_staff_who_work_in_a_queue_what_waits_there(office: Office) -> None:
    queue, approver = fill(office, 0, 2), office.people["approver"]
    link = reverse("queues:queue", args=[queue.pk]).encode()
    assert link not in office.browsers["approver"].get("/").content
    queue.members.add(approver)
    assert link in office.browsers["approver"].get("/").content


def test_what_is_no_email_or_is_gone_is_listed_without_a_name(office: Office) -> None:
    queue, now = fill(office, 0, 0), timezone.now()
    for model, pk in ((Account, "1"), (Email, "00000000-0000-0000-0000-000000000000")):
        QueueItem.objects.create(
            queue=queue, object_type=ContentType.objects.get_for_model(model), object_id=pk, entered_on=now
        )
    page = office.browsers["mia"].get(reverse("queues:queue", args=[queue.pk]))
    assert sorted(line.title for line in page.context["lines"]) == ["(account)", "An email that is gone"]
    assert office.browsers["mia"].get(reverse("queues:queue", args=[queue.pk]) + "?q=x").context["lines"] == []
