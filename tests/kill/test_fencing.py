"""Law 6: a worker whose lease has moved writes nothing more, and workers beside each other keep every letter once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.forms import BooleanField
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg
from profiles.connectors.mime import Address
from profiles.models import EmailServerProfile
from serversync.cycles import engine
from tests.company import Company, leg, receive, run
from tests.kill.databases import Database
from tests.kill.rig import Rig
from tests.kill.scenarios import submit
from tests.kill.world_state import differences
from tests.letters import letter
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail
from tracking.models import LedgerRow, Placement, SyncCursor

LATER = timedelta(minutes=10)


class Interrupted:
    """A connector; before a certain call is made on it, something else happens."""

    def __init__(self, connector: Any, call: str, happening: Callable[[], None]) -> None:
        self._connector, self._call, self._happening = connector, call, happening

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connector, name)
        if name != self._call:
            return attribute

        def interrupted(*arguments: Any, **more: Any) -> Any:
            self._happening()
            return attribute(*arguments, **more)

        return interrupted


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], None]], None]:
    """before("fetch", happening): whenever a cycle is about to fetch, that happens first."""

    def arrange(call: str, happening: Callable[[], None]) -> None:
        for place in ("serversync.cycles.engine.open_source", "serversync.cycles.outboxes.open_outbox"):
            module, _, name = place.rpartition(".")
            opens = getattr(__import__(module, fromlist=[name]), name)
            monkeypatch.setattr(place, lambda *a, opens=opens: Interrupted(opens(*a), call, happening))

    return arrange


@pytest.fixture(params=["pop3", "exchange"])
def profile(request: pytest.FixtureRequest, company: Company) -> EmailServerProfile:
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def rows() -> list[Any]:
    """Everything that a cycle may write."""
    tables = (MailboxLeg, SyncCursor, LedgerRow, Placement, Email, DomainEvent)
    return [list(table.objects.order_by("pk").values()) for table in tables]


class TakenOver:
    """Another worker claims the leg, as if this one had slept for two minutes; remembers the rows as they are then."""

    def __init__(self, mailbox: Mailbox, which: Leg) -> None:
        self.mailbox, self.which = mailbox, which
        self.rows: list[Any] = []

    def __call__(self) -> None:
        late = timezone.now() + timedelta(minutes=2)
        assert MailboxLeg.objects.claim(leg(self.mailbox, self.which), late, "another worker") is not None
        self.rows = rows()


@pytest.mark.parametrize("call", ["changes", "fetch", "delete"])
def test_a_paused_worker_that_reads_writes_nothing_after_its_lease_moved(
    company: Company, profile: EmailServerProfile, before: Any, call: str
) -> None:
    support = company.queue("Support", profile, process_and_delete_emails=True)
    company.sandbox.deliver("support@us.test", letter("ann@acme.test", "support@us.test", "Help", "x"))
    pause = TakenOver(support, Leg.INCOMING)
    before(call, pause)

    ended = run(support)

    assert ended.lost
    assert rows() == pause.rows


def test_a_paused_worker_that_marks_writes_nothing_after_its_lease_moved(company: Company, before: Any) -> None:
    alice = company.user("Alice", company.exchange_profile())
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))
    pause = TakenOver(alice, Leg.INCOMING)
    before("categorize", pause)

    ended = run(alice)

    assert ended.lost
    assert rows() == pause.rows


def test_a_paused_worker_that_sends_hands_nothing_over_after_its_lease_moved(
    company: Company, profile: EmailServerProfile, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = company.user("Alice", profile)
    submit(NewEmail(alice, [Address("", "ann@acme.test")], "Offer", text="x"))
    pause = TakenOver(alice, Leg.OUTGOING)
    before("send", pause)

    ended = run(alice, Leg.OUTGOING)

    assert ended.lost
    assert rows() == pause.rows
    assert company.sandbox.inbox("ann@acme.test") == []
    monkeypatch.undo()

    run(alice, Leg.OUTGOING, timezone.now() + LATER)

    assert Email.objects.get().status_code == EmailStatus.SENT
    assert len(company.sandbox.inbox("ann@acme.test")) == 1


def test_what_was_asked_for_is_not_forgotten_when_the_worker_dies(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    row, now = leg(alice), timezone.now()
    MailboxLeg.objects.filter(pk=row.pk).update(due_on=now + timedelta(hours=1), requested_on=now)
    assert engine.claim_next(timezone.now, [row.pk]) is not None

    assert engine.claim_next(timezone.now, [row.pk]) is None
    assert engine.claim_next(lambda: now + timedelta(minutes=2), [row.pk]) is not None


def test_saving_the_form_of_a_mailbox_in_the_middle_of_a_cycle_changes_nothing_of_the_cycle(
    company: Company, client: Client, before: Any
) -> None:
    alice = company.user("Alice", company.pop3_profile())
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))
    client.force_login(get_user_model().objects.create_superuser("admin"))
    address = reverse("admin:mailboxes_mailbox_change", args=[alice.pk])
    told = filled_in(client, address, name="Alice Adams")  # opened before the cycle, saved in the middle of it
    middle: list[Any] = []

    def save() -> None:
        middle.append(rows())
        assert client.post(address, told).status_code == 302
        middle.append(rows())

    before("fetch", save)
    receive(alice)

    assert middle[0] == middle[1]
    alice.refresh_from_db()
    assert alice.name == "Alice Adams"
    assert (leg(alice).status, leg(alice).fence) == (LegStatus.SUCCESS, 1)
    assert Email.objects.count() == 1
    assert not receive(alice).report.found_something


def filled_in(client: Client, address: str, **changes: str) -> dict[str, Any]:
    """The form on a page as a browser would send it back, with some changes."""
    context = client.get(address).context
    forms = [
        context["adminform"].form,
        *(inline.formset.management_form for inline in context["inline_admin_formsets"]),
    ]
    fields = [bound for form in forms for bound in form]
    sent = [bound for bound in fields if bound.value() or not isinstance(bound.field, BooleanField)]
    return {bound.html_name: "" if bound.value() is None else bound.value() for bound in sent} | changes


def test_two_workers_beside_each_other_keep_five_hundred_shared_letters_once(
    database: Database, tmp_path: Path
) -> None:  # 4.1
    with Rig(tmp_path, database, "crowd") as rig:
        rig.restore()
        workers = [rig.start(together=True, ask=False) for _ in range(2)]
        assert all(worker.cycles > 0 for worker in map(rig.end_of, workers))

        outcome = rig.finish()

        world = outcome.world
        assert outcome.errors == []
        assert len(world["emails"]) == len({email["message_id"] for email in world["emails"]}) == 500
        assert [total[1:] for total in world["totals"]] == [[250, 0, 0, 250, 0, 0, 0, "balances"]] * 4
        assert sum(event[0] == "email.tracked" for event in world["events"]) == 500
        assert sum(event[0] == "email.linked" for event in world["events"]) == 500
        assert differences(rig.keys_shown(), outcome.shown) == []
        assert world["blobs"]["damaged"] == []
