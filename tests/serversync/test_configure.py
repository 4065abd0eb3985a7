"""`manage.py configure`: what a file says is so afterwards, and a second time nothing changes."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from mailboxes import attention
from mailboxes.models import (
    Approval,
    AutoCreate,
    IncomingDeliveryMethod,
    IncomingFilter,
    Leg,
    LegStatus,
    Mailbox,
    MailboxLeg,
    Organization,
    Queue,
    TraceLog,
)
from mailboxes.models.settings import current_policy
from profiles.models import EmailServerProfile
from tests.serversync.configuring import ALICE, POST, apply, everything
from tracking.crm.models import Account, Contact
from tracking.models import MailboxTrackingFolder, SyncCursor

COMPANY = """\
[organization]
name = "Fernhill"
default_email_server_profile = "Post"
tracked_category = "Followed"

[[profiles]]
name = "Post"
server_type = "other_pop3_smtp"
incoming_server_location = "pop.us.test"
incoming_port_number = 995
process_emails_received_after = 2026-03-01

[[users]]
username = "alice"
email = "alice@us.test"
first_name = "Alice"
password = "a password to log in with"
is_staff = true
incoming_email_filtering_method = "all_messages"
time_zone = "Europe/Berlin"

[users.mailbox]
email_server_profile = "Post"
incoming_email_delivery_method = "server_side_synchronization"
email_router_access_approval = "approved"
username = "alice-at-the-post"
password = "mailbox secret"
allow_email_connector_to_use_credentials = true
enabled_for_incoming_email = true
process_email_received_after = 2026-03-02T08:00:00+02:00

[[queues]]
name = "Support"
email_address = "support@us.test"
members = ["alice"]
email_server_profile = "Post"
incoming_email_delivery_method = "server_side_synchronization"
mailbox_password = "queue secret"
process_and_delete_emails = true

[[forward_mailboxes]]
email_address = "forward@us.test"
email_server_profile = "Post"
incoming_email_delivery_method = "server_side_synchronization"
enabled_for_incoming_email = true

[[accounts]]
name = "Acme"

[[contacts]]
full_name = "Ann Ray"
email_address_1 = "ann@acme.test"
birth_date = 1980-02-29
account = "Acme"

[[folders]]
mailbox = "alice@us.test"
exchange_folder_id = "AAMk1"
exchange_folder_name = "Acme"
regarding = { contact = "Ann Ray" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "us.toml"


# What a file does


@pytest.mark.django_db
class TestAGoodFile:
    def test_it_sets_up_alice_with_settings_mailbox_and_one_direction(self, file: Path) -> None:
        apply(file, COMPANY)
        alice = get_user_model().objects.get(username="alice")
        assert alice.check_password("a password to log in with")
        assert alice.is_staff
        assert alice.sync_settings.incoming_email_filtering_method == IncomingFilter.ALL_MESSAGES
        assert alice.sync_settings.time_zone == "Europe/Berlin"
        mailbox = alice.mailbox
        assert (mailbox.email_address, mailbox.name) == ("alice@us.test", "Alice")
        assert mailbox.email_server_profile == EmailServerProfile.objects.get(name="Post")
        assert mailbox.email_router_access_approval == Approval.APPROVED
        assert mailbox.username == "alice-at-the-post"
        assert mailbox.password.reveal() == "mailbox secret"
        assert str(mailbox.process_email_received_after) == "2026-03-02 06:00:00+00:00"
        assert {row.leg: row.enabled for row in mailbox.legs.all()} == {
            Leg.INCOMING: True,
            Leg.OUTGOING: False,
            Leg.ACT: False,
        }

    def test_it_says_what_becomes_of_unknown_senders(self, file: Path) -> None:  # 5.15
        apply(file, ALICE + 'auto_create_contact_on_promote = "lead"\n')
        assert get_user_model().objects.get().sync_settings.auto_create_contact_on_promote == AutoCreate.LEAD

    def test_whoever_comes_to_read_a_queue_is_announced_to_its_people(self, file: Path) -> None:  # 12.1
        bob = '[[users]]\nusername = "bob"\nfirst_name = "Bob"\n'
        queue = '[[queues]]\nname = "Support"\nemail_address = "support@us.test"\nmembers = ["alice"]\n'
        apply(file, ALICE + bob + queue)
        assert not TraceLog.objects.exists()  # the queue is new: there is nothing that anybody could have read
        apply(file, ALICE + bob + queue.replace('["alice"]', '["alice", "bob"]'))
        told = TraceLog.objects.get(mailbox__email_address="support@us.test")
        assert told.text.startswith("A configuration file let Bob read the mail of ")
        bob_himself = get_user_model().objects.get(username="bob")
        assert attention.dismiss(TraceLog.objects.all(), bob_himself, timezone.now()) == 0
        apply(file, ALICE + bob + queue)
        assert (
            "A configuration file ended that Bob reads the mail of"
            in TraceLog.objects.get(mailbox__regarding_user__username="bob").text
        )

    def test_mailbox_keys_may_stand_in_the_entry_itself(self, file: Path) -> None:
        apply(file, COMPANY)
        queue = Queue.objects.get(name="Support")
        assert queue.mailbox.process_and_delete_emails
        assert queue.mailbox.password.reveal() == "queue secret"
        assert [user.username for user in queue.members.all()] == ["alice"]

    def test_it_makes_a_forward_mailbox_of_nobody(self, file: Path) -> None:
        apply(file, COMPANY)
        mailbox = Mailbox.objects.get(email_address="forward@us.test")
        assert mailbox.is_forward_mailbox
        assert mailbox.legs.get(leg=Leg.INCOMING).enabled

    def test_it_sets_the_organization_and_its_records(self, file: Path) -> None:
        apply(file, COMPANY)
        assert Organization.current().default_email_server_profile == EmailServerProfile.objects.get(name="Post")
        assert current_policy().tracked_category == "Followed"
        ann = Contact.objects.get()
        assert ann.parent_customer == Account.objects.get(name="Acme")
        assert str(ann.birth_date) == "1980-02-29"
        assert MailboxTrackingFolder.objects.get().regarding == ann

    def test_new_mailboxes_get_the_methods_that_the_organization_sets(self, file: Path) -> None:
        methods = 'default_incoming_email_delivery_method = "server_side_synchronization"\n'
        apply(file, f'[organization]\ndefault_email_server_profile = "Post"\n{methods}{POST}{ALICE}')
        mailbox = Mailbox.objects.get()
        assert mailbox.incoming_email_delivery_method == IncomingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
        assert mailbox.email_server_profile == EmailServerProfile.objects.get()

    def test_a_second_run_changes_nothing(self, file: Path) -> None:
        first = apply(file, COMPANY)
        before = everything()
        second = apply(file, COMPANY)
        assert str(first) == "8 created, 0 changed, 0 unchanged"
        assert str(second) == "0 created, 0 changed, 8 unchanged"
        assert everything() == before

    def test_what_the_file_does_not_name_stays_as_it_is(self, file: Path) -> None:
        apply(file, COMPANY)
        EmailServerProfile.objects.update(description="Written by hand", incoming_port_number=1)
        Organization.objects.update(overrides={"item_attempts": 7, "tracked_category": "Followed"})
        outcome = apply(file, COMPANY)
        profile = EmailServerProfile.objects.get()
        assert (profile.description, profile.incoming_port_number) == ("Written by hand", 995)
        assert current_policy().item_attempts == 7
        assert outcome.lines == ["[[profiles]] Post: changed"]

    def test_secrets_come_from_the_environment(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALICE_MAIL", "from outside")
        apply(file, COMPANY.replace('"mailbox secret"', '{ env = "ALICE_MAIL" }'))
        assert Mailbox.objects.get(email_address="alice@us.test").password.reveal() == "from outside"

    def test_a_changed_secret_replaces_the_stored_one(self, file: Path) -> None:
        apply(file, COMPANY)
        outcome = apply(file, COMPANY.replace("mailbox secret", "another secret"))
        assert Mailbox.objects.get(email_address="alice@us.test").password.reveal() == "another secret"
        assert outcome.lines == ["[[users]] alice: changed"]

    def test_a_new_address_has_to_be_approved_again(self, file: Path) -> None:
        apply(file, COMPANY)
        apply(file, '[[users]]\nusername = "alice"\nemail = "a.archer@us.test"\n')
        mailbox = Mailbox.objects.get(regarding_user__username="alice")
        assert mailbox.email_address == "a.archer@us.test"
        assert mailbox.email_router_access_approval == Approval.PENDING

    def test_check_says_what_would_change_and_changes_nothing(self, file: Path) -> None:
        outcome = apply(file, COMPANY, check=True)
        assert str(outcome) == "8 created, 0 changed, 0 unchanged"
        assert not EmailServerProfile.objects.exists()
        assert not Mailbox.objects.exists()


@pytest.mark.django_db
class TestTheEnginesColumns:
    """A file is about what people decide; what the engine has written down survives it."""

    def test_a_running_direction_is_left_alone(self, file: Path) -> None:
        apply(file, COMPANY)
        leg = MailboxLeg.objects.get(mailbox__email_address="alice@us.test", leg=Leg.INCOMING)
        later = timezone.now() + timedelta(minutes=5)
        MailboxLeg.objects.filter(pk=leg.pk).update(
            status=LegStatus.FAILURE, failures=3, fence=9, due_on=later, postponed_until=later
        )
        cursor = SyncCursor.objects.create(leg=leg, folder="inbox", kind="Pop3", value="abc", moved_on=later)
        apply(file, COMPANY.replace("alice-at-the-post", "alice2"))
        leg.refresh_from_db()
        assert (leg.status, leg.failures, leg.fence) == (LegStatus.FAILURE, 3, 9)
        assert (leg.due_on, leg.postponed_until) == (later, later)
        cursor.refresh_from_db()
        assert cursor.value == "abc"

    def test_switching_a_stopped_direction_on_begins_anew(self, file: Path) -> None:
        apply(file, COMPANY)
        legs = MailboxLeg.objects.filter(mailbox__email_address="alice@us.test", leg=Leg.INCOMING)
        later = timezone.now() + timedelta(hours=1)
        legs.update(enabled=False, status=LegStatus.FAILURE, failures=10, fence=9, due_on=later, postponed_until=later)
        outcome = apply(file, COMPANY)
        leg = legs.get()
        assert (leg.enabled, leg.status, leg.failures, leg.fence) == (True, LegStatus.NOT_RUN, 0, 9)
        assert leg.due_on is not None
        assert leg.due_on <= timezone.now()
        assert leg.postponed_until == later  # what the server asked for is obeyed exactly
        assert outcome.lines == ["[[users]] alice: changed"]


# The command


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("configure", *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_the_command_counts_what_it_did(file: Path) -> None:
    file.write_text(ALICE + POST)
    assert run(str(file)) == (
        0,
        "[[profiles]] Post: created\n[[users]] alice: created\n2 created, 0 changed, 0 unchanged\n",
        "",
    )
    status, out, _ = run(str(file), "--json")
    assert status == 0
    assert json.loads(out) == {"applied": True, "unchanged": 2, "changed": 0, "created": 0, "entries": []}


@pytest.mark.django_db
def test_the_command_only_checks_if_asked_to(file: Path) -> None:
    file.write_text(ALICE)
    assert "Nothing was applied; it would be: 1 created" in run(str(file), "--check")[1]
    assert not get_user_model().objects.exists()


@pytest.mark.django_db
def test_the_command_fails_with_every_problem(file: Path) -> None:
    file.write_text(ALICE + "is_staff = 1\n")
    status, _, err = run(str(file))
    assert status == 1
    assert "us.toml:4: [[users]] alice, is_staff" in err
    status, out, _ = run(str(file), "--json")
    told = json.loads(out)
    assert (status, told["applied"]) == (1, False)
    assert [(problem["line"], problem["key"]) for problem in told["problems"]] == [(4, "is_staff")]


# How connections are encrypted (2.6)

ENCRYPTED = [
    ("", ("implicit", "starttls")),
    ("incoming_port_number = 110\noutgoing_port_number = 465\n", ("starttls", "implicit")),
    ("incoming_use_ssl = false\noutgoing_use_ssl = false\n", ("none", "none")),
    ("incoming_use_ssl = true\nincoming_port_number = 110\noutgoing_use_ssl = false\n", ("starttls", "none")),
    ('incoming_tls = "starttls"\nincoming_port_number = 2110\noutgoing_tls = "implicit"\n', ("starttls", "implicit")),
    ('server_type = "exchange_server"\n', ("implicit", "implicit")),
]


@pytest.mark.parametrize(("keys", "modes"), ENCRYPTED)
def test_the_encryption_is_a_word_or_what_the_port_usually_means(
    db: None, file: Path, keys: str, modes: tuple[str, str]
) -> None:
    post = (
        '[[profiles]]\nname = "Post"\n' + ("" if "server_type" in keys else 'server_type = "other_pop3_smtp"\n') + keys
    )
    for counts in ("0 unchanged", "1 unchanged"):
        outcome = apply(file, post)
        profile = EmailServerProfile.objects.get()
        assert (profile.incoming_tls, profile.outgoing_tls) == modes
        assert (profile.incoming_use_ssl, profile.outgoing_use_ssl) == tuple(mode != "none" for mode in modes)
        assert counts in str(outcome)


def test_an_encryption_chosen_by_hand_stays_unless_the_file_says_one(db: None, file: Path) -> None:
    apply(file, POST + "incoming_port_number = 995\n")
    EmailServerProfile.objects.update(incoming_tls="starttls", outgoing_tls="implicit")
    apply(file, POST + "incoming_port_number = 995\n")
    profile = EmailServerProfile.objects.get()
    assert (profile.incoming_tls, profile.outgoing_tls) == ("starttls", "implicit")
    apply(file, POST + "incoming_port_number = 995\nincoming_use_ssl = true\n")
    profile.refresh_from_db()
    assert (profile.incoming_tls, profile.outgoing_tls) == ("implicit", "implicit")
