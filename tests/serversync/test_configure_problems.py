"""What is wrong with a configuration file is told with line, table, key and remedy, and nothing of it is applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import models
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.models import IncomingDeliveryMethod, IncomingFilter
from profiles.models import ServerType
from serversync.configure import BadConfiguration, configure
from serversync.configure.document import line_numbers
from serversync.configure.tables import tables
from serversync.configure.values import option_names, options_of
from tests.serversync.configuring import ALICE, POST, apply, everything, problems
from tracking.crm.models import Contact


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "us.toml"


# What is wrong with a file

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
        POST + 'incoming_tls = "ssl"\n',
        "us.toml:4: [[profiles]] Post, incoming_tls: “ssl” is not possible here. Choose one of: implicit, starttls, none.",
    ),
    (
        POST + 'incoming_tls = "none"\nincoming_use_ssl = false\n',
        "us.toml:5: [[profiles]] Post, incoming_use_ssl: incoming_tls says it already. Keep one of the two.",
    ),
    (POST + "outgoing_use_ssl = 1\n", "us.toml:4: [[profiles]] Post, outgoing_use_ssl: “1” is neither true nor false."),
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
        "us.toml:5: [[users]] alice, process_and_delete_emails: Emails are deleted after processing only in queue",
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
    with_options = [column for column in columns if column.choices and not isinstance(column, models.CharField)]
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
