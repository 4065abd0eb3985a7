"""Test and enable: honest, per direction, and without reading mail again (3.8–3.13)."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, TraceLevel, TraceLog, Trial
from mailboxes.trials import COUNT, is_test_scheduled, last_test_ended_on, latest_trials, request_count, request_trials
from profiles.act_items import ItemKind
from profiles.secrets import Sealed
from serversync.cycles import trial
from serversync.cycles import trial_steps as at
from tests.company import PASSWORD, Company, assert_balanced, leg, receive
from tests.letters import letter
from tests.trials import (
    BOTH,
    KINDS,
    RECEIVED,
    SENT,
    Clock,
    alice_with,
    ask,
    carry_out,
    change,
    failure,
    newest,
    steps,
    try_out,
)
from tracking.crm.models import DomainEvent, Email
from tracking.decide.verdicts import Reason
from tracking.models import LedgerRow, Placement, SyncCursor

# What passes


@pytest.mark.parametrize("kind", KINDS)
def test_what_passes_is_enabled_and_runs_at_once(company: Company, kind: str) -> None:
    alice = alice_with(company, kind)

    assert ask(alice) == 2
    assert is_test_scheduled(alice)
    done = carry_out(alice)

    assert {which: one.succeeded for which, one in done.items()} == {SENT: True, RECEIVED: True}
    assert steps(done[SENT]) == [(name, True) for name in (at.ALLOWED, at.SETTINGS, *at.REACHING, at.SEND)]
    whole = (at.ALLOWED, at.SETTINGS, *at.REACHING, at.OPEN, at.ARRIVED, at.REMOVED)
    assert steps(done[RECEIVED]) == [(name, True) for name in whole]
    for which in BOTH:
        row = leg(alice, which)
        assert (row.enabled, row.status, row.failures, row.stopped_on) == (True, LegStatus.SUCCESS, 0, None)
        assert row.requested_on is not None
        assert row.leased_until is None
    assert not leg(alice, Leg.ACT).enabled
    told = TraceLog.objects.filter(closed_on__isnull=True)
    assert {(one.level, one.text) for one in told} == {
        (TraceLevel.INFORMATION, "Incoming email of alice@us.test is connected."),
        (TraceLevel.INFORMATION, "Outgoing email of alice@us.test is connected."),
    }
    assert last_test_ended_on(alice) is not None
    assert not is_test_scheduled(alice)


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_goes_from_the_mailbox_to_itself_and_nothing_of_it_stays(company: Company, kind: str) -> None:
    alice = alice_with(company, kind)
    ask(alice, SENT)
    carry_out(alice)

    (item,) = company.sandbox.inbox("alice@us.test")
    raw = company.sandbox.raw("alice@us.test", item["id"]).decode()
    assert item["subject"] == "Your mailbox is now connected"
    assert "To: Alice <alice@us.test>" in raw
    assert "X-ServerSync-Test: " in raw
    assert item["message_id"] == Trial.objects.get().message_id

    try_out(alice)

    left = [one["message_id"] for one in company.sandbox.inbox("alice@us.test")]
    assert left == [item["message_id"]], "only the message of the second test was removed"
    assert company.sandbox.inbox("alice@us.test", "sentitems") == []


def test_asking_twice_is_one_test(company: Company) -> None:
    alice = alice_with(company, "pop3")
    ask(alice)
    ask(alice)
    assert Trial.objects.count() == 2
    carry_out(alice)
    assert len(company.sandbox.inbox("alice@us.test")) == 0
    assert [one.leg for one in latest_trials(alice)] == [RECEIVED, SENT]


def test_directions_that_are_not_synchronized_are_not_tested(company: Company) -> None:
    alice = alice_with(company, "pop3")
    change(alice, outgoing_email_delivery_method=0)
    assert ask(alice) == 1

    received = carry_out(alice)[RECEIVED]

    assert received.succeeded
    assert (at.ARRIVED, None) in steps(received)
    assert "outgoing email is not synchronized from here" in received.steps[-1]["words"]
    assert not leg(alice, SENT).enabled


def test_incoming_alone_needs_no_message(company: Company) -> None:
    alice = alice_with(company, "exchange")
    done = try_out(alice, RECEIVED)
    assert done[RECEIVED].succeeded
    assert "only incoming email was tested" in done[RECEIVED].steps[-1]["words"]
    assert not leg(alice, SENT).enabled


def test_calendar_contacts_and_tasks_are_opened_and_then_synchronized(company: Company) -> None:  # 3.10 d, 10.1 a
    alice = alice_with(company, "exchange")
    change(alice, act_delivery_method=1)
    company.sandbox.put_act_item("alice@us.test", "contact", {"full_name": "Ann"})
    done = try_out(alice, Leg.ACT)[Leg.ACT]
    assert done.succeeded
    assert [step["words"] for step in done.steps[-3:]] == [
        "It can be read; it is empty.",
        "It can be read.",
        "It can be read; it is empty.",
    ]
    assert leg(alice, Leg.ACT).enabled
    assert not SyncCursor.objects.exists()


def test_a_calendar_that_cannot_be_opened_is_named(company: Company) -> None:  # 3.10 d
    alice = alice_with(company, "exchange")
    change(alice, act_delivery_method=1)
    company.sandbox.fault(face="ews", operation="SyncFolderItems", effect="response", code="ErrorAccessDenied", times=1)
    done = try_out(alice, Leg.ACT)[Leg.ACT]
    assert failure(done)["name"] == at.LISTS[ItemKind.APPOINTMENT]
    assert not leg(alice, Leg.ACT).enabled


def test_a_test_without_enabling_changes_nothing(company: Company) -> None:
    alice = alice_with(company, "pop3")
    before = list(MailboxLeg.objects.values("enabled", "status", "due_on", "requested_on", "last_started_on"))
    done = try_out(alice, enables=False)
    assert all(one.succeeded for one in done.values())
    assert list(MailboxLeg.objects.values("enabled", "status", "due_on", "requested_on", "last_started_on")) == before
    assert not TraceLog.objects.exists()


def test_a_stopped_leg_begins_afresh_and_its_alert_is_closed(company: Company) -> None:
    alice = alice_with(company, "pop3")
    change(alice, password=Sealed.of("wrong"))
    try_out(alice, RECEIVED)
    MailboxLeg.objects.update(failures=10, stopped_on=timezone.now(), heals_by_itself=True)
    change(alice, password=Sealed.of(PASSWORD))

    assert try_out(alice, RECEIVED)[RECEIVED].succeeded

    row = leg(alice)
    assert (row.enabled, row.failures, row.stopped_on, row.heals_by_itself, row.last_error) == (
        True,
        0,
        None,
        False,
        "",
    )
    assert not TraceLog.objects.filter(level=TraceLevel.ERROR, closed_on__isnull=True).exists()
    assert DomainEvent.objects.filter(kind="mailbox.recovered").count() == 1
    receive(alice)


# 3.12


@pytest.mark.parametrize("kind", KINDS)
def test_testing_again_reads_nothing_again(company: Company, kind: str) -> None:
    alice = alice_with(company, kind)
    try_out(alice)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Plan", "x"))
    receive(alice)
    Email.objects.get().delete()
    cursors = list(SyncCursor.objects.values())
    rows, placements = LedgerRow.objects.count(), Placement.objects.count()

    try_out(alice)

    assert list(SyncCursor.objects.values()) == cursors
    assert (LedgerRow.objects.count(), Placement.objects.count()) == (rows, placements)
    receive(alice)
    assert not Email.objects.exists(), "what was deleted here stays deleted"
    assert_balanced(alice)


# The test's own mail


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_message_is_never_tracked(company: Company, kind: str) -> None:
    alice = alice_with(company, kind)
    try_out(alice, SENT)
    change(alice, process_email_received_after=None)
    MailboxLeg.objects.update(enabled=True)
    receive(alice)
    assert not Email.objects.exists()
    assert LedgerRow.objects.get().reason == Reason.OUR_TEST_MESSAGE
    assert_balanced(alice)


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_header_hides_nothing(company: Company, kind: str) -> None:
    alice = alice_with(company, kind, enabled=True)
    forged = [("X-ServerSync-Test", "<no.test@us.test>")]
    company.sandbox.deliver(
        "alice@us.test", letter("eve@evil.test", "alice@us.test", "Psst", "x", extra_headers=forged)
    )
    receive(alice)
    assert Email.objects.get().subject == "Psst"


def test_ordinary_mail_costs_no_further_query(company: Company) -> None:
    alice = alice_with(company, "pop3", enabled=True)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Plan", "x"))
    with CaptureQueriesContext(connection) as queries:
        receive(alice)
    assert not [one for one in queries if "mailboxes_trial" in one["sql"]]


# Workers


def test_a_running_cycle_and_a_test_never_meet(company: Company) -> None:
    alice = alice_with(company, "pop3")
    MailboxLeg.objects.update(leased_until=timezone.now() + timedelta(seconds=30))
    ask(alice, RECEIVED)
    assert not trial.carry_out_next(timezone.now)
    assert Trial.objects.get().attempts == 0
    assert carry_out(alice)[RECEIVED].succeeded, "when the cycle has ended"


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs in this worker."""


def test_a_worker_killed_in_the_middle_leaves_the_test_to_another(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = alice_with(company, "exchange")
    ask(alice)

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(trial, "_conclude", kill)
        with pytest.raises(Killed):
            trial.carry_out_next(timezone.now)
    held = newest(alice)[SENT]
    assert (held.finished_on, held.leased_until > timezone.now()) == (None, True)

    done = carry_out(alice)

    assert all(one.succeeded for one in done.values())
    assert done[SENT].attempts == 2
    assert company.sandbox.inbox("alice@us.test") == []


def test_a_paused_mailbox_is_not_tested(company: Company) -> None:
    from mailboxes import brake

    alice = alice_with(company, "pop3")
    brake.pause(brake.Scope(mailbox=alice), "Moving the server", "Bob", timezone.now())
    company.sandbox.clear_log()
    done = try_out(alice, RECEIVED)[RECEIVED]
    assert "Paused by Bob" in failure(done)["words"]
    assert company.sandbox.log()["requests"] == []
    assert leg(alice).status == LegStatus.NOT_RUN


# 3.11


def test_counting_what_a_start_date_would_read(company: Company) -> None:
    alice, now = alice_with(company, "exchange"), timezone.now()
    for number, days in enumerate([1, 2, 400]):
        company.sandbox.deliver(
            "alice@us.test",
            letter("ann@acme.test", "alice@us.test", f"Mail {number}", "x"),
            received=(now - timedelta(days=days)).isoformat(),
        )
    assert request_count(alice, (now - timedelta(days=30)).date(), None, now)
    assert not request_count(alice, now.date(), None, now), "one test at a time"
    done = carry_out(alice)[RECEIVED]
    assert (done.steps[-1]["name"], done.steps[-1]["ok"]) == (COUNT, True)
    assert done.steps[-1]["words"].startswith("2 messages since ")
    assert (leg(alice).enabled, SyncCursor.objects.exists()) == (False, False)


def test_a_server_that_tells_no_dates_is_said_to_tell_none(company: Company) -> None:
    alice = alice_with(company, "pop3")
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Mail", "x"))
    request_count(alice, timezone.now().date(), None, timezone.now())
    words = carry_out(alice)[RECEIVED].steps[-1]["words"]
    assert words.startswith("1 message since")
    assert "1 of them may be older" in words


# Many at once, and the command


def test_many_are_asked_for_with_few_queries(company: Company, django_assert_max_num_queries: Any) -> None:
    profile = company.pop3_profile()
    users = get_user_model().objects
    for number in range(20):
        users.create_user(f"person{number}", f"person{number}@us.test")
    Mailbox.objects.update(
        email_server_profile=profile, incoming_email_delivery_method=2, outgoing_email_delivery_method=2
    )
    with django_assert_max_num_queries(25):
        asked = request_trials(Mailbox.objects.all(), Leg, None, timezone.now())
    assert asked == 40


def run_command(*words: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("test_mailbox", *words, stdout=out, stderr=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_tests_now_and_prints_every_step(company: Company) -> None:
    alice = alice_with(company, "pop3")
    status, said = run_command("alice@us.test")
    assert status == 0
    assert "alice@us.test: Incoming email: passed" in said
    assert f"✓ {at.ARRIVED}: Sending and receiving work." in said
    assert "Appointments, contacts and tasks: Not tested: the delivery method is None" in said
    assert leg(alice).enabled


def test_the_command_fails_where_a_test_fails(company: Company) -> None:
    alice = alice_with(company, "pop3")
    change(alice, password=Sealed.of("wrong"))
    status, said = run_command("alice@us.test", "--leg", "incoming", "--no-enable", "--json")
    told = json.loads(said)
    assert (status, told["leg"], told["succeeded"]) == (1, "incoming", False)
    assert told["steps"][-1]["name"] == at.LOG_IN
    assert leg(alice).status == LegStatus.NOT_RUN
    assert run_command("nobody@us.test")[0] == 2


def test_a_test_that_takes_its_worker_down_ends_at_last(company: Company) -> None:
    alice = alice_with(company, "pop3")
    ask(alice, RECEIVED)
    Trial.objects.update(attempts=trial.MOST_ATTEMPTS)
    assert trial.carry_out(Clock(), 5) == 1
    assert "interrupted again and again" in failure(newest(alice)[RECEIVED])["words"]
