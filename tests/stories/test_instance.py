"""A restored backup and a copy for tests: nothing touches a mail server before a person has said which it is."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.brake import HELD
from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization, Pause
from profiles.connectors.mime import Address
from serversync import instance
from serversync.instance import ThisIs
from tests.company import Company, assert_balanced, leg, receive, run
from tests.kill.scenarios import submit
from tests.letters import letter
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.crm.writing import NewEmail


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    """Where this installation keeps what is not in the database."""
    settings.VAR_DIR, settings.INSTANCE_ID = tmp_path / "first", ""
    settings.VAR_DIR.mkdir()
    return tmp_path


@pytest.fixture
def alice(home: Path, company: Company) -> Mailbox:
    """Alice's mailbox in an installation that has run before."""
    assert instance.recognise(timezone.now())
    return company.user("Alice", company.pop3_profile())


@pytest.fixture
def moved(home: Path, alice: Mailbox, settings: Any) -> Mailbox:
    """The same database under another installation, which looks at it for the first time."""
    settings.VAR_DIR = home / "second"
    settings.VAR_DIR.mkdir()
    assert not instance.recognise(timezone.now())
    return alice


def written(mailbox: Mailbox, subject: str) -> Email:
    submit(NewEmail(mailbox, [Address("", "ann@acme.test")], subject, text="x"))
    return Email.objects.get(subject=subject)


def test_an_installation_keeps_its_id_outside_the_database(home: Path, db: None) -> None:
    own = instance.instance_id()
    assert (home / "first" / "instance-id").read_text().strip() == own
    assert len(own) == 32
    assert instance.instance_id() == own
    assert [file.name for file in (home / "first").iterdir()] == ["instance-id"]


def test_a_setting_wins_over_the_file(home: Path, settings: Any) -> None:
    settings.INSTANCE_ID = "headquarters"
    assert instance.instance_id() == "headquarters"
    assert list((home / "first").iterdir()) == []


def test_a_new_database_becomes_this_installations_own(home: Path, db: None) -> None:
    assert instance.recognise(timezone.now())
    assert Organization.objects.get().instance_id == instance.instance_id()
    assert instance.recognise(timezone.now())
    Organization.objects.update(instance_id="")  # an installation from before there were ids
    assert instance.recognise(timezone.now())
    assert Organization.objects.get().instance_id == instance.instance_id()


def test_under_another_installation_every_leg_is_held_and_no_server_is_asked(company: Company, moved: Mailbox) -> None:
    company.sandbox.post("/log/clear", {})
    assert leg(moved).skip_reason == HELD
    for which in (Leg.INCOMING, Leg.OUTGOING):
        assert run(moved, which).skipped == HELD
    assert company.sandbox.log()["requests"] == []
    assert MailboxLeg.objects.filter(mailbox=moved, enabled=True).count() == 3


def test_a_worker_in_the_middle_of_a_cycle_loses_its_lease_when_the_database_is_held(
    alice: Mailbox, home: Path, settings: Any
) -> None:
    row = leg(alice)
    claim = MailboxLeg.objects.claim(row, timezone.now(), "a worker")
    assert claim is not None
    settings.VAR_DIR = home
    assert not instance.recognise(timezone.now())
    assert not MailboxLeg.objects.release(claim)


def test_even_the_first_installation_has_to_be_confirmed_after_another_one_came(
    moved: Mailbox, home: Path, settings: Any
) -> None:
    settings.VAR_DIR = home / "first"
    assert not instance.recognise(timezone.now())
    assert run(moved).skipped == HELD


def test_after_a_restore_work_goes_on_and_what_was_not_sent_waits_for_a_person(
    company: Company, alice: Mailbox, home: Path, settings: Any
) -> None:
    waiting, sending, later = (written(alice, subject) for subject in ("Waiting", "Sending", "Later"))
    Email.objects.filter(pk=sending.pk).update(status_code=EmailStatus.SENDING)
    Email.objects.filter(pk=later.pk).update(delayed_email_send_time=timezone.now() + timedelta(days=1))
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))
    settings.VAR_DIR = home
    instance.recognise(timezone.now())

    assert instance.confirm(ThisIs.RESTORED, "Ada", timezone.now()) == 3

    for email in (waiting, sending, later):
        email.refresh_from_db()
        assert (email.status_code, email.delivery_state) == (EmailStatus.SENDING, DeliveryState.UNKNOWN)
        assert "restored from a backup" in email.delivery_detail
    assert DomainEvent.objects.filter(kind="email.unknown").count() == 3
    assert run(alice, Leg.OUTGOING).error is None
    assert company.sandbox.inbox("ann@acme.test") == []
    receive(alice)
    assert Email.objects.filter(subject="Hello").count() == 1
    assert_balanced(alice)
    assert instance.recognise(timezone.now())


def test_a_copy_is_paused_and_sends_nothing_that_the_original_sends(company: Company, moved: Mailbox) -> None:
    email = written(moved, "Offer")

    instance.confirm(ThisIs.COPY, "Ada", timezone.now())

    assert instance.recognise(timezone.now())
    assert run(moved, Leg.OUTGOING).skipped.startswith("Paused by Ada")
    assert "copy" in Pause.objects.get().reason
    call_command("resume", stdout=StringIO())
    run(moved, Leg.OUTGOING)
    email.refresh_from_db()
    assert email.delivery_state == DeliveryState.UNKNOWN
    assert company.sandbox.inbox("ann@acme.test") == []


def test_it_is_confirmed_by_command(moved: Mailbox) -> None:
    out = StringIO()
    call_command("confirm_instance", "--this-is", "restored", stdout=out)
    assert "Work goes on" in out.getvalue()
    assert not run(moved).skipped
    with pytest.raises(CommandError, match="Nothing is held"):
        call_command("confirm_instance", "--this-is", "copy")


def test_a_backup_restored_on_its_own_host_is_told_by_command(company: Company, alice: Mailbox) -> None:
    email = written(alice, "Offer")
    call_command("confirm_instance", "--this-is", "restored", "--anyway", stdout=StringIO())
    email.refresh_from_db()
    assert email.delivery_state == DeliveryState.UNKNOWN
    assert not run(alice, Leg.OUTGOING).skipped
    assert company.sandbox.inbox("ann@acme.test") == []


def test_the_command_sync_looks_before_it_touches_a_server(
    company: Company, alice: Mailbox, home: Path, settings: Any
) -> None:
    settings.VAR_DIR = home
    company.sandbox.post("/log/clear", {})
    out = StringIO()
    call_command("sync", "--mailbox", "alice@us.test", "--json", stdout=out)
    assert out.getvalue().count(HELD) == 2
    assert company.sandbox.log()["requests"] == []


def test_the_console_looks_at_its_first_page_and_asks_on_every_page(
    alice: Mailbox, home: Path, settings: Any, client: Client
) -> None:
    settings.VAR_DIR = home
    client.force_login(get_user_model().objects.create_superuser("ada"))
    address = reverse("console:confirm_instance")
    for url in ("/", "/crm/email/", reverse("console:mailbox", args=[alice.pk])):
        assert "Everything is held." in client.get(url).content.decode()
    assert "This is a copy" in client.get(address).content.decode()
    assert client.post(address, {"this_is": "nonsense"}).status_code == 404

    page = client.post(address, {"this_is": "restored"}, follow=True).content.decode()

    assert "Everything is held." not in page
    assert "0 emails wait" in page
    assert "Nothing is held" in client.get(address).content.decode()
    assert not run(alice).skipped


def test_who_may_not_change_the_organization_may_not_confirm(moved: Mailbox) -> None:
    bo = Client()
    bo.force_login(get_user_model().objects.create_user("bo", is_staff=True))
    assert bo.post(reverse("console:confirm_instance"), {"this_is": "restored"}).status_code == 403
    assert run(moved).skipped == HELD


def test_deleting_on_the_server_can_wait_longer_than_a_backup_takes(company: Company, home: Path) -> None:  # 5.24
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"deletion_grace_hours": 24}})
    support = company.queue("Support", company.pop3_profile(), process_and_delete_emails=True)
    company.sandbox.deliver("support@us.test", letter("ann@acme.test", "support@us.test", "Help", "x"))
    receive(support)
    assert Email.objects.count() == 1
    run(support, now=timezone.now() + timedelta(hours=23))
    assert len(company.sandbox.inbox("support@us.test")) == 1
    run(support, now=timezone.now() + timedelta(hours=25))
    assert company.sandbox.inbox("support@us.test") == []
