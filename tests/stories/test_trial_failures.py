"""Test and enable: whatever is wrong is named, with what the server said and what would help (3.10, 12.2)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from mailboxes.models import Approval, Leg, LegStatus, Mailbox, TraceLevel, TraceLog
from profiles.connectors.base import Cause
from profiles.models import StateCode
from profiles.secrets import Sealed
from serversync.cycles import trial
from serversync.cycles import trial_steps as at
from tests.company import PASSWORD, Company, leg, receive
from tests.profiles.stages import closed_port
from tests.trials import (
    BOTH,
    KINDS,
    RECEIVED,
    SENT,
    alice_with,
    ask,
    carry_out,
    change,
    failure,
    newest,
    steps,
    try_out,
)

# What fails, with the right words


CLOSED = -1  # a port on which nobody listens
FAILURES = [
    ("pop3", {"incoming_server_location": "no-such-host.invalid"}, at.FIND, "host not found: no-such-host.invalid"),
    ("pop3", {"incoming_server_location": "127.0.0.2"}, at.FIND, "local to this machine"),
    ("exchange", {"incoming_server_location": "https://[::1]/EWS/Exchange.asmx"}, at.FIND, "local to this machine"),
    ("pop3", {"incoming_port_number": CLOSED}, at.CONNECT, "could not be reached"),
    ("pop3", {"incoming_tls": "starttls"}, at.ENCRYPT, "does not offer STLS"),
    ("pop3", {"incoming_tls": "implicit"}, at.ENCRYPT, "No secure connection"),
    ("pop3", {"incoming_server_location": ""}, at.SETTINGS, "names no server"),
    ("pop3", {"server_type": 4}, at.SETTINGS, "IMAP/SMTP cannot be connected"),
    ("pop3", {"state_code": StateCode.INACTIVE}, at.ALLOWED, "profile is inactive"),
]


@pytest.mark.parametrize(("kind", "columns", "name", "words"), FAILURES)
def test_a_wrong_setting_of_the_profile_is_named(
    company: Company, kind: str, columns: dict[str, Any], name: str, words: str
) -> None:
    alice, port = alice_with(company, kind), closed_port()
    change(alice.email_server_profile, **{key: port if value == CLOSED else value for key, value in columns.items()})

    done = try_out(alice, RECEIVED)

    failed = failure(done[RECEIVED])
    assert failed["name"] == name
    assert words in failed["words"]
    assert failed["remedy"]
    assert all(ok for step, ok in steps(done[RECEIVED])[:-1])
    row = leg(alice)
    assert (row.enabled, row.status, row.last_error) == (False, LegStatus.FAILURE, failed["words"])
    alert = TraceLog.objects.get()
    assert (alert.level, alert.remedy) == (TraceLevel.ERROR, failed["remedy"])
    assert words in alert.text


MAILBOX_FAILURES = [
    ({"email_router_access_approval": Approval.PENDING}, "not approved", "An administrator has to approve it."),
    ({"state_code": StateCode.INACTIVE}, "mailbox is inactive", "Activate it"),
    ({"email_server_profile": None}, "no email server profile", "Choose one."),
]


@pytest.mark.parametrize(("columns", "words", "remedy"), MAILBOX_FAILURES)
def test_what_is_missing_here_is_named_without_asking_the_server(
    company: Company, columns: dict[str, Any], words: str, remedy: str
) -> None:
    alice = alice_with(company, "pop3")
    change(alice, **columns)
    company.sandbox.clear_log()
    failed = failure(try_out(alice, RECEIVED)[RECEIVED])
    assert failed["name"] == at.ALLOWED
    assert words in failed["words"]
    assert remedy in failed["remedy"]
    assert company.sandbox.log()["requests"] == []


def test_a_disabled_user_is_not_connected(company: Company) -> None:
    alice = alice_with(company, "pop3")
    get_user_model().objects.update(is_active=False)
    assert failure(try_out(alice, SENT)[SENT])["words"] == "The user is disabled."


def test_credentials_that_may_not_be_used_are_named(company: Company) -> None:
    alice = alice_with(company, "pop3")
    change(alice, allow_email_connector_to_use_credentials=False)
    failed = failure(try_out(alice, RECEIVED)[RECEIVED])
    assert (failed["name"], failed["remedy"]) == (at.SETTINGS, "Tick that box or use the profile's.")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", BOTH)
def test_a_wrong_password_is_named_and_tried_once(company: Company, kind: str, which: Leg) -> None:
    alice = alice_with(company, kind)
    if kind == "pop3":
        company.sandbox.settings(require_auth=True)
        change(alice, password=Sealed.of("wrong horse"))
    else:
        change(alice.email_server_profile, incoming_password=Sealed.of("wrong horse"))

    done = try_out(alice, which)[which]

    assert steps(done)[-1] == (at.LOG_IN, False)
    assert [name for name, ok in steps(done) if ok] == [at.ALLOWED, at.SETTINGS, at.FIND, at.CONNECT, at.ENCRYPT]
    assert "To the server's administrator" in failure(done)["remedy"]
    assert "wrong horse" not in json.dumps(done.steps)
    assert done.attempts == 1
    assert not leg(alice, which).enabled


def test_a_missing_right_to_impersonate_is_named_with_the_command_that_gives_it(company: Company) -> None:
    alice = alice_with(company, "exchange")
    company.sandbox.account("service@us.test", PASSWORD, impersonate=False)
    failed = failure(try_out(alice, RECEIVED)[RECEIVED])
    assert failed["name"] == at.OPEN
    assert "may not act as alice@us.test" in failed["words"]
    assert "-Role ApplicationImpersonation" in failed["remedy"]


REFUSED = [  # what the server answers → the step, the cause, and what its administrator is asked for (12.2)
    (
        "exchange",
        RECEIVED,
        {"face": "ews", "effect": "status", "status": 403},
        (at.LOG_IN, Cause.PROTOCOL_DISABLED),
        "Please allow service@us.test to use Exchange Web Services",
    ),
    (
        "exchange",
        RECEIVED,
        {"face": "ews", "effect": "response", "code": "ErrorAccessDenied", "operation": "SyncFolderItems"},
        (at.OPEN, Cause.FULL_ACCESS),
        "full access to the mailbox alice@us.test",
    ),
    (
        "exchange",
        RECEIVED,
        {"face": "ews", "effect": "response", "code": "ErrorInvalidLicense", "operation": "SyncFolderItems"},
        (at.OPEN, Cause.LICENCE),
        "assign a licence to the mailbox alice@us.test",
    ),
    (
        "exchange",
        SENT,
        {"face": "ews", "effect": "response", "code": "ErrorSendAsDenied", "operation": "SendItem"},
        (at.SEND, Cause.SEND_AS),
        "Please allow service@us.test to send as alice@us.test",
    ),
    (
        "exchange",
        SENT,
        {"face": "ews", "effect": "response", "code": "ErrorQuotaExceeded", "operation": "SendItem"},
        (at.SEND, Cause.QUOTA),
        "give the mailbox alice@us.test more room",
    ),
    (
        "pop3",
        SENT,
        {"face": "smtp", "operation": "MAIL", "effect": "smtp", "code": "550", "text": "5.7.60 not as this sender"},
        (at.SEND, Cause.SEND_AS),
        "Please allow alice@us.test to send as alice@us.test.",
    ),
    (
        "pop3",
        RECEIVED,
        {"face": "pop3", "operation": "PASS", "effect": "pop3", "text": "[AUTH] POP3 access is disabled"},
        (at.LOG_IN, Cause.PROTOCOL_DISABLED),
        "Please allow POP3 for alice@us.test",
    ),
]


@pytest.mark.parametrize(("kind", "which", "fault", "place", "asked"), REFUSED)
def test_what_is_missing_at_the_server_is_asked_for_by_name(
    company: Company, kind: str, which: Leg, fault: dict[str, Any], place: tuple[str, Cause], asked: str
) -> None:
    alice = alice_with(company, kind)
    company.sandbox.fault(**fault)
    failed = failure(try_out(alice, which)[which])
    assert (failed["name"], failed["cause"]) == place
    told = failed["remedy"].partition("To the server's administrator: ")[2]
    assert asked in told


def test_an_unknown_mailbox_is_named(company: Company) -> None:
    alice = alice_with(company, "exchange")
    Mailbox.objects.update(email_address="nobody@us.test")
    failed = failure(try_out(alice, RECEIVED)[RECEIVED])
    assert failed["name"] == at.OPEN
    assert "knows no mailbox nobody@us.test" in failed["words"]


def test_a_server_without_unique_ids_is_named(company: Company) -> None:
    alice = alice_with(company, "pop3")
    company.sandbox.settings(switches=["no_uidl"])
    failed = failure(try_out(alice, RECEIVED)[RECEIVED])
    assert (failed["name"], "no unique ids (UIDL)" in failed["words"]) == (at.OPEN, True)


def test_a_refused_recipient_is_named_and_incoming_passes_alone(company: Company) -> None:
    alice = alice_with(company, "pop3")
    company.sandbox.fault(face="smtp", operation="RCPT", effect="smtp", code="550", text="5.7.1 Not from you")
    done = try_out(alice)
    failed = failure(done[SENT])
    assert failed["name"] == at.SEND
    assert "5.7.1 Not from you" in failed["words"]
    assert done[RECEIVED].succeeded, "the directions are independent"
    assert "could not be sent" in done[RECEIVED].steps[-1]["words"]
    assert [leg(alice, which).enabled for which in BOTH] == [False, True]


def test_a_message_that_never_arrives_is_looked_for_two_minutes(company: Company) -> None:
    alice = alice_with(company, "exchange")
    ask(alice)
    trial.carry_out_next(timezone.now)  # outgoing
    (item,) = company.sandbox.inbox("alice@us.test")
    company.sandbox.move("alice@us.test", item["id"], "junkemail")

    carry_out(alice, minutes=1)
    waiting = newest(alice)[RECEIVED]
    assert (waiting.finished_on, waiting.steps[-1]["name"], waiting.steps[-1]["ok"]) == (None, at.ARRIVED, None)
    assert not leg(alice).enabled

    done = carry_out(alice)[RECEIVED]

    assert "did not arrive within two minutes" in failure(done)["words"]
    assert "junk folder" in failure(done)["remedy"]
    assert len(company.sandbox.inbox("alice@us.test", "junkemail")) == 1, "what was not found is left alone"


def test_a_message_that_arrives_late_is_found(company: Company) -> None:
    alice = alice_with(company, "exchange")
    ask(alice)
    trial.carry_out_next(timezone.now)
    (item,) = company.sandbox.inbox("alice@us.test")
    away = company.sandbox.move("alice@us.test", item["id"], "junkemail")
    trial.carry_out_next(timezone.now)
    assert newest(alice)[RECEIVED].finished_on is None
    company.sandbox.move("alice@us.test", away, "inbox")
    done = carry_out(alice)[RECEIVED]
    assert (done.succeeded, done.attempts) == (True, 2)


def test_a_running_leg_goes_on_when_its_test_fails(company: Company) -> None:
    alice = alice_with(company, "pop3", enabled=True)
    company.sandbox.fault(face="pop3", operation="UIDL", effect="drop", times=1)
    failed = failure(try_out(alice, RECEIVED)[RECEIVED])
    assert failed["name"] == at.REACH
    assert leg(alice).enabled
    receive(alice)
    assert not TraceLog.objects.filter(level=TraceLevel.ERROR, closed_on__isnull=True).exists()


def test_the_delay_a_server_asks_for_is_obeyed(company: Company) -> None:
    alice = alice_with(company, "exchange")
    company.sandbox.fault(face="ews", operation="SyncFolderItems", effect="throttle", delay_seconds=100, times=1)
    ask(alice, RECEIVED)
    trial.carry_out_next(timezone.now)
    waiting = newest(alice)[RECEIVED]
    assert waiting.finished_on is None
    assert timedelta(seconds=90) < waiting.not_before - timezone.now() <= timedelta(seconds=100)
    assert not trial.carry_out_next(timezone.now)
    assert carry_out(alice)[RECEIVED].succeeded
