"""`manage.py configure`: what a file says is so afterwards, once and for all; what is wrong names line and remedy."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import models
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.models import (
    Approval,
    IncomingDeliveryMethod,
    IncomingFilter,
    Leg,
    LegStatus,
    Mailbox,
    MailboxLeg,
    Organization,
    Queue,
    UserSettings,
)
from mailboxes.models.settings import current_policy
from profiles.models import EmailServerProfile, ServerType
from serversync.configure import BadConfiguration, Outcome, configure
from serversync.configure.document import line_numbers
from serversync.configure.tables import tables
from serversync.configure.values import option_names, options_of
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


def apply(file: Path, text: str, **options: Any) -> Outcome:
    file.write_text(text, encoding="utf-8")
    return configure(file, timezone.now(), **options)


def problems(file: Path, text: str) -> str:
    """What is said about a file that cannot be applied."""
    with pytest.raises(BadConfiguration) as refusal:
        apply(file, text)
    return str(refusal.value)


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
        assert MailboxTrackingFolder.objects.get().regarding == ann

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


def everything() -> list[dict[str, Any]]:
    """Every row a file can write, column by column."""
    kinds: list[type[models.Model]] = [table.model for table in tables()]
    kinds += [MailboxLeg, UserSettings, Organization]
    return [row for kind in kinds for row in kind._base_manager.order_by("pk").values()]


# What is wrong with a file

POST = '[[profiles]]\nname = "Post"\nserver_type = "other_pop3_smtp"\n'
ALICE = '[[users]]\nusername = "alice"\nemail = "alice@us.test"\n'
BAD = [
    ("[[users]]\nusername =\n", "us.toml:2: This is not TOML: Invalid value."),
    ("[[user]]\n", "us.toml:1: user: there is no such table. Did you mean “users”?"),
    (
        'users = "alice"\n',
        "us.toml:1: [[users]], users: this must be a list of tables. Begin each entry with [[users]].",
    ),
    ("[[users]]\n", "us.toml:1: [[users]] entry 1: the key username is missing."),
    (ALICE + 'emial = "x"\n', "us.toml:4: [[users]] alice, emial: there is no such key. Did you mean “email”?"),
    (ALICE + "is_staff = 1\n", "us.toml:4: [[users]] alice, is_staff: “1” is neither true nor false."),
    (ALICE + "first_name = 1\n", "us.toml:4: [[users]] alice, first_name: this must be text, not a number."),
    (ALICE + 'time_zone = "Berlin"\n', "us.toml:4: [[users]] alice, time_zone: “Berlin” is no time zone."),
    (
        ALICE + 'password = { env = "NOT_SET_AT_ALL" }\n',
        "us.toml:4: [[users]] alice, password: the environment variable",
    ),
    (ALICE + "password = 12\n", "us.toml:4: [[users]] alice, password: this must be text, not a number."),
    (ALICE + ALICE, "us.toml:5: [[users]] alice, username: this is in line 1 already. Join the two."),
    (ALICE.replace("@", " at "), "us.toml:3: [[users]] alice, email: Enter a valid email address."),
    (ALICE + "enabled_for_act = 1\n", "us.toml:4: [[users]] alice, enabled_for_act: this is neither true nor false."),
    (
        POST.replace("other_", "the_other_"),
        "us.toml:3: [[profiles]] Post, server_type: “the_other_pop3_smtp” is not possible here. Choose one of: "
        "exchange_server, other_pop3_smtp, exchange_server_hybrid, exchange_online_hybrid, imap_smtp.",
    ),
    (POST + 'incoming_port_number = "x"\n', "us.toml:4: [[profiles]] Post, incoming_port_number: “x” is not a whole"),
    (
        POST + "incoming_port_number = 70000\n",
        "us.toml:4: [[profiles]] Post, incoming_port_number: Ensure this value is",
    ),
    (
        POST + "process_emails_received_after = 2026-03-01T08:00:00\n",
        "us.toml:4: [[profiles]] Post, process_emails_received_after: this time has no time zone. End it with Z",
    ),
    (
        ALICE + '\n[users.mailbox]\n\nemail_server_profile = "Pots"\n' + POST,
        "us.toml:7: [[users]] alice, email_server_profile: “Pots” is no email server profile. Did you mean “Post”?",
    ),
    (
        ALICE + '[users.mailbox]\nemail_server_profil = "Post"\n',
        "us.toml:5: [[users]] alice, email_server_profil: there is no such key. Did you mean “email_server_profile”?",
    ),
    (ALICE + "mailbox = 1\n", "us.toml:4: [[users]] alice, mailbox: this must be a table."),
    (
        ALICE + 'email_server_profile = "Post"\nmailbox = { email_server_profile = "Post" }\n' + POST,
        "us.toml:5: [[users]] alice, email_server_profile: this is in line 4 already. Keep one of the two.",
    ),
    (
        ALICE + "[users.mailbox]\nprocess_and_delete_emails = true\n",
        "us.toml:4: [[users]] alice, mailbox: Emails are deleted after processing only in queue and forward mailboxes.",
    ),
    (
        ALICE + ALICE.replace('"alice"', '"alicia"'),
        "us.toml:6: [[users]] alicia, email: this is the address of the mailbox “alice”.",
    ),
    (
        ALICE + '[[forward_mailboxes]]\nemail_address = "alice@us.test"\n',
        "us.toml:5: [[forward_mailboxes]] alice@us.test, email_address: this is the address of the mailbox “alice”.",
    ),
    (
        '[[queues]]\nname = "Support"\nmembers = [\n  "alice",\n  "bob",\n]\n' + ALICE,
        "us.toml:3: [[queues]] Support, members: “bob” is no user. There are: alice.",
    ),
    (
        "[[queues]]\nname = \"Support\"\nmembers = 'alice'\n",
        "us.toml:3: [[queues]] Support, members: this must be a list",
    ),
    ('[organization]\ntracked = "x"\n', "us.toml:2: [organization], tracked: there is no such setting."),
    (
        '[organization]\nitem_attempts = "5"\n',
        "us.toml:2: [organization], item_attempts: “item_attempts” must be a whole",
    ),
    (
        '[organization]\ncompatibility = "exchange"\n',
        "us.toml:2: [organization], compatibility: “compatibility” must be",
    ),
    (
        '[organization]\ndefault_email_server_profile = "Post"\n',
        "us.toml:2: [organization], default_email_server_profile: “Post” is no email server profile. There is none yet.",
    ),
    (
        '[[folders]]\nexchange_folder_id = "A"\nmailbox = "bob@us.test"\n' + ALICE,
        "us.toml:3: [[folders]] A, mailbox: no mailbox has the address “bob@us.test”. There are: alice@us.test.",
    ),
    (
        '[[folders]]\nexchange_folder_id = "A"\nmailbox = "alice@us.test"\nregarding = { contract = "C" }\n' + ALICE,
        "us.toml:4: [[folders]] A, regarding: this must name one of: account, contact, lead, case.",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "expected"), BAD)
def test_it_says_in_which_line_what_is_wrong(file: Path, text: str, expected: str) -> None:
    assert expected in problems(file, text)


@pytest.mark.django_db
@pytest.mark.parametrize("text", [text for text, _ in BAD])
def test_nothing_is_applied_if_anything_is_wrong(file: Path, text: str) -> None:
    before = everything()
    problems(file, text)
    assert everything() == before


@pytest.mark.django_db
def test_it_tells_everything_that_is_wrong_at_once(file: Path) -> None:
    told = problems(file, POST + "timeout = 1\n" + ALICE + "is_staff = 2\n")
    assert "us.toml:4: [[profiles]] Post, timeout" in told
    assert "us.toml:8: [[users]] alice, is_staff" in told


@pytest.mark.django_db
def test_no_problem_repeats_a_secret(file: Path) -> None:
    told = problems(file, ALICE + 'password = ["hunter2"]\n[users.mailbox]\npassword = ["hunter3"]\n')
    assert "this must be text, not a list" in told
    assert "hunter" not in told


@pytest.mark.django_db
def test_without_a_key_no_password_is_stored(file: Path, settings: Any) -> None:
    settings.FIELD_KEYS = []
    told = problems(file, POST + 'incoming_password = "x"\n')
    assert "us.toml:4: [[profiles]] Post, incoming_password: a password cannot be stored without a key." in told
    assert "rotate_keys --new" in told


@pytest.mark.django_db
def test_two_contacts_of_one_name_are_told_apart_by_their_address(file: Path) -> None:
    for number in (1, 2):
        Contact.objects.create(full_name="Ann Ray", email_address_1=f"ann{number}@acme.test")
    ann = '[[contacts]]\nfull_name = "Ann Ray"\n'
    assert "several rows of the kind contact are named “Ann Ray”" in problems(file, ann)
    apply(file, ann + 'email_address_1 = "ann2@acme.test"\ndo_not_email = true\n')
    assert [contact.do_not_email for contact in Contact.objects.order_by("email_address_1")] == [False, True]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"none\.toml:1: the file cannot be read"):
        configure(tmp_path / "none.toml", timezone.now())


# Names of options, and lines


def test_every_option_of_every_key_has_a_name() -> None:
    columns = [column for table in tables() for column in (*table.fields.values(), *table.mailbox.values())]
    with_options = [column for column in columns if column.choices]
    assert len(with_options) > 15
    for column in with_options:
        assert set(option_names(options_of(column)).values()) == {number for number, _ in column.flatchoices}


def test_options_go_by_label_and_by_name() -> None:
    names = option_names(ServerType)
    assert names["other_pop3_smtp"] == ServerType.OTHER_POP3_SMTP
    assert option_names(IncomingDeliveryMethod)["server_side_synchronization"] == 2
    assert option_names(IncomingFilter)["email_messages_in_response_to_our_email"] == 1
    assert option_names(IncomingFilter)["responses_to_our_mail"] == 1


LINES = """\
# a comment
a = 1
[b]
c = [
  1, # [not.a.header]
  2,
]
"d.e" = '''
[no header]
f = 1
'''
g.h = { i = 1 }

[[j]]
k = 1
[j.l]
m = 1
[[j]]
[[j.n]]
o = 1
[[j.n]]
o = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("b",), 3),
        (("b", "c"), 4),
        (("b", "c", 1), 4),
        (("b", "d.e"), 8),
        (("b", "g", "h", "i"), 12),
        (("j", 0), 14),
        (("j", 0, "k"), 15),
        (("j", 0, "l"), 16),
        (("j", 0, "l", "m"), 17),
        (("j", 1), 18),
        (("j", 1, "n", 0, "o"), 20),
        (("j", 1, "n", 1), 21),
        (("j", 1, "n", 1, "o"), 22),
    ],
)
def test_it_finds_the_line_of_every_table_and_key(path: tuple[str | int, ...], line: int) -> None:
    assert line_numbers(LINES)[path] == line


@given(st.lists(st.sampled_from(["", "# [[users]]", 'x = """', "[a]", "text"]), max_size=8))
def test_whatever_stands_in_a_text_of_many_lines_is_no_header(inside: list[str]) -> None:
    body = "\n".join(line for line in inside if line != 'x = """')
    found = line_numbers(f"before = '''\n{body}\n'''\n[[users]]\nusername = 'alice'\n")
    assert set(found) == {("before",), ("users", 0), ("users", 0, "username")}
    assert found["users", 0, "username"] == found["users", 0] + 1 == body.count("\n") + 5


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
