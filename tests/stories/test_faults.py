"""Trouble with servers: each fault ends with the right status, alert and next run, and nothing lost or doubled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.models import Leg, LegStatus, Mailbox, TraceLevel, TraceLog
from profiles.secrets import Sealed
from tests.company import Company, assert_balanced, leg, receive, run
from tests.letters import letter
from tracking.crm.models import Contact, DomainEvent, Email
from tracking.keep.redo import redo
from tracking.models import LedgerRow, LedgerState, Placement

TEMPORARY = [
    ("pop3", {"face": "pop3", "operation": "RETR", "effect": "drop", "after_bytes": 300}),
    ("pop3", {"face": "pop3", "operation": "UIDL", "effect": "drop"}),
    ("pop3", {"face": "pop3", "operation": "RETR", "effect": "truncate", "after_bytes": 300}),
    ("pop3", {"face": "pop3", "operation": "RETR", "effect": "hang", "skip": 2}),
    ("pop3", {"face": "pop3", "operation": "UIDL", "effect": "garbage"}),
    ("exchange", {"face": "ews", "operation": "SyncFolderItems", "effect": "status", "status": 500}),
    ("exchange", {"face": "ews", "operation": "SyncFolderItems", "effect": "drop"}),
    ("exchange", {"face": "ews", "operation": "GetItem", "effect": "truncate", "after_bytes": 700}),
    ("exchange", {"face": "ews", "operation": "GetItem", "effect": "html"}),
    ("exchange", {"face": "ews", "operation": "GetItem", "effect": "hang"}),
    ("exchange", {"face": "ews", "operation": "GetItem", "effect": "drop", "after_effect": True}),
    ("exchange", {"face": "ews", "operation": "GetItem", "effect": "soap", "code": "ErrorMailboxStoreUnavailable"}),
]


def deliver(company: Company, count: int, to: str = "alice@us.test") -> None:
    for number in range(count):
        company.sandbox.deliver(to, letter("ann@acme.test", to, f"Mail {number}", f"Body {number}"))


def alice_with(company: Company, kind: str, **columns) -> Mailbox:
    columns.setdefault("timeout_mailbox_connection_after_amount", 1_000)
    profile = company.pop3_profile(**columns) if kind == "pop3" else company.exchange_profile(**columns)
    return company.user("Alice", profile)


@pytest.mark.parametrize(("kind", "fault"), TEMPORARY)
def test_a_temporary_fault_is_a_warning_and_heals_by_itself(company: Company, kind, fault) -> None:
    alice = alice_with(company, kind)
    deliver(company, 5)
    company.sandbox.fault(**fault)

    ended = run(alice)

    assert ended.error is not None
    failed = leg(alice)
    assert (failed.status, failed.enabled, failed.failures) == (LegStatus.FAILURE, True, 1)
    assert timedelta(minutes=4) < failed.due_on - timezone.now() <= timedelta(minutes=6)
    alert = TraceLog.objects.get()
    assert (alert.level, alert.closed_on) == (TraceLevel.WARNING, None)
    assert "alice@us.test" in alert.text
    assert "secret" not in alert.text + alert.error_details + failed.last_error

    company.sandbox.clear_faults()
    receive(alice)

    assert Email.objects.count() == 5
    assert (leg(alice).failures, leg(alice).last_error) == (0, "")
    alert.refresh_from_db()
    assert alert.closed_on is not None
    assert DomainEvent.objects.filter(kind="mailbox.recovered").count() == 1
    assert_balanced(alice)


def test_the_delay_a_throttling_server_asks_for_is_obeyed_exactly(company: Company) -> None:  # 7.10
    alice = alice_with(company, "exchange")
    deliver(company, 1)
    company.sandbox.fault(face="ews", operation="SyncFolderItems", effect="throttle", delay_seconds=297)

    before = timezone.now()
    run(alice)

    throttled = leg(alice)
    assert before + timedelta(seconds=297) <= throttled.due_on <= timezone.now() + timedelta(seconds=297)
    assert throttled.enabled
    assert "asked us to wait" in TraceLog.objects.get().text
    throttled.requested_on = timezone.now()  # even "sync now" does not come earlier
    throttled.save()
    company.sandbox.clear_faults()
    assert run_now(alice) == 0
    assert run_now(alice, throttled.due_on + timedelta(seconds=1)) == 1
    assert Email.objects.count() == 1


def run_now(mailbox: Mailbox, now=None) -> int:
    from serversync.cycles import engine

    clock = (lambda: now) if now else timezone.now
    return len(engine.drain(clock, 60, among=[leg(mailbox).pk]))


@pytest.mark.parametrize("kind", ["pop3", "exchange"])
def test_a_wrong_password_stops_the_leg_at_once_and_is_tried_once(company: Company, kind) -> None:
    alice = alice_with(company, kind)
    if kind == "pop3":
        alice.password = Sealed.of("wrong")
        alice.save()
    else:
        profile = alice.email_server_profile
        profile.incoming_password = Sealed.of("wrong")
        profile.save()
    company.sandbox.post("/log/clear", {})

    run(alice)

    stopped = leg(alice)
    assert (stopped.status, stopped.enabled) == (LegStatus.FAILURE, False)
    alert = TraceLog.objects.get()
    assert alert.level == TraceLevel.ERROR
    assert alert.remedy
    assert "wrong" not in alert.text + alert.error_details
    ended = run(alice)
    assert ended.skipped.startswith("Not enabled")
    logins = [
        one for one in company.sandbox.log()["requests"] if one["operation"] in ("PASS", "AUTH", "SyncFolderItems")
    ]
    assert len(logins) <= 1


def test_a_wrong_service_password_is_not_tried_by_every_mailbox(company: Company) -> None:
    profile = company.exchange_profile(incoming_password=Sealed.of("wrong"))
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)

    run(alice)

    assert not leg(bob).enabled
    assert not leg(bob, Leg.OUTGOING).enabled
    assert run(bob).skipped.startswith("Not enabled")
    assert "3 further" in TraceLog.objects.get().text or "further mailboxes" in TraceLog.objects.get().text


def test_a_password_whose_key_is_missing_tries_nothing_on_the_server(company: Company, settings) -> None:
    alice = alice_with(company, "pop3")
    company.sandbox.post("/log/clear", {})
    settings.FIELD_KEYS = ["other:" + "A" * 43 + "="]

    run(alice)

    assert "“tests”" in leg(alice).last_error
    assert not leg(alice).enabled
    assert company.sandbox.log()["requests"] == []


def test_ten_failures_in_a_row_stop_the_leg_which_then_heals_by_itself(company: Company) -> None:  # 4.6, 3.14
    alice = alice_with(company, "pop3")
    company.sandbox.fault(face="pop3", operation="*", effect="drop")
    for _ in range(9):
        run(alice)
    assert leg(alice).stopped_on is None
    run(alice)
    stopped = leg(alice)
    assert (stopped.stopped_on is not None, stopped.heals_by_itself, stopped.enabled) == (True, True, True)
    assert stopped.due_on - timezone.now() > timedelta(minutes=29)
    alert = TraceLog.objects.get()
    assert (alert.level, alert.occurrences) == (TraceLevel.ERROR, 10)
    run(alice)
    assert leg(alice).due_on - timezone.now() > timedelta(minutes=59)
    assert DomainEvent.objects.filter(kind="mailbox.stopped").count() == 1

    company.sandbox.clear_faults()
    receive(alice)

    assert leg(alice).stopped_on is None
    told = TraceLog.objects.get(closed_on=None)
    assert (told.level, told.text) == (TraceLevel.INFORMATION, "Incoming email of alice@us.test works again.")


def test_one_failing_server_does_not_cost_an_attempt_per_mailbox(company: Company) -> None:
    profile = company.pop3_profile()
    people = [company.user(name, profile) for name in ("Alice", "Bob", "Carol", "Dan", "Eve")]
    company.sandbox.fault(face="pop3", operation="*", effect="drop")
    company.sandbox.clear_log()

    ended = [run(mailbox) for mailbox in people]

    assert [bool(one.error) for one in ended] == [True, True, True, False, False]
    assert ended[4].skipped.startswith("The server answered nobody lately")
    assert leg(people[4]).due_on <= timezone.now() + timedelta(minutes=5)
    company.sandbox.clear_faults()
    later = timezone.now() + timedelta(minutes=6)
    assert run(people[4], now=later).error is None
    assert run(people[3], now=later).error is None


def test_one_poison_message_among_a_hundred_costs_one_row(company: Company, monkeypatch) -> None:  # law 5
    alice = alice_with(company, "pop3")
    deliver(company, 50)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "POISON", "x"))
    deliver_from(company, 50, 99)
    poison_the_parser(monkeypatch)

    for _ in range(5):
        now = timezone.now() + timedelta(minutes=6) * _
        run(alice, now=now)

    assert Email.objects.count() == 99
    row = LedgerRow.objects.get(state=LedgerState.QUARANTINED)
    assert row.attempts == 5
    assert "cannot be parsed" in row.error
    assert row.raw is not None
    assert DomainEvent.objects.filter(kind="message.quarantined").count() == 1
    assert leg(alice).status == LegStatus.SUCCESS
    assert_balanced(alice)


def test_a_quarantined_message_can_be_judged_again_after_it_left_the_server(company: Company, monkeypatch) -> None:
    alice = alice_with(company, "pop3")
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "POISON", "x"))
    with monkeypatch.context() as patched:
        poison_the_parser(patched)
        for number in range(5):
            run(alice, now=timezone.now() + timedelta(minutes=6) * number)
    company.sandbox.delete("alice@us.test", company.sandbox.inbox("alice@us.test")[0]["id"])
    receive(alice)
    assert redo(LedgerRow.objects.filter(state=LedgerState.QUARANTINED), timezone.now()) == 1

    receive(alice)

    assert Email.objects.get().subject == "POISON"
    assert (assert_balanced(alice).tracked, DomainEvent.objects.filter(kind="email.tracked").count()) == (1, 1)


def deliver_from(company: Company, first: int, end: int) -> None:
    for number in range(first, end):
        company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", f"Mail {number}", "x"))


def poison_the_parser(monkeypatch) -> None:
    """The real parser raises for nothing, so a message that it cannot read has to be imagined."""
    from serversync.cycles import settling

    real = settling.build

    def build(message, *args):
        if message.envelope.subject == "POISON":
            raise RuntimeError("cannot be parsed")
        return real(message, *args)

    monkeypatch.setattr(settling, "build", build)


def test_an_item_the_server_cannot_give_is_quarantined_and_the_rest_flows(company: Company) -> None:  # law 5
    alice = alice_with(company, "pop3")
    deliver(company, 20)
    company.sandbox.fault(face="pop3", operation="RETR", effect="pop3", text="disk error", skip=7, times=1)

    receive(alice)

    row = LedgerRow.objects.get(state=LedgerState.PENDING)
    assert (row.attempts, Email.objects.count()) == (1, 19)
    assert "disk error" in row.error
    assert row.retry_on > timezone.now()
    run(alice, now=row.retry_on + timedelta(seconds=1))
    assert Email.objects.count() == 20
    assert_balanced(alice)


def test_lost_sync_state_doubles_nothing_and_marks_what_is_gone(company: Company) -> None:  # ResyncRequired
    alice = alice_with(company, "exchange")
    deliver(company, 6)
    receive(alice)
    company.sandbox.delete("alice@us.test", company.sandbox.inbox("alice@us.test")[0]["id"])
    company.sandbox.lose_sync_state("alice@us.test")
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "New", "x"))

    receive(alice)

    assert Email.objects.count() == 7
    assert Placement.objects.filter(gone_on__isnull=True).count() == 6
    assert_balanced(alice)
    assert not receive(alice).report.found_something


def test_mail_that_vanishes_before_it_is_judged_is_gone_not_lost(company: Company) -> None:
    alice = alice_with(company, "exchange")
    deliver(company, 3)
    company.sandbox.fault(face="ews", operation="GetItem", effect="status", status=500)
    run(alice)
    company.sandbox.clear_faults()
    company.sandbox.delete("alice@us.test", company.sandbox.inbox("alice@us.test")[1]["id"])

    receive(alice)

    total = assert_balanced(alice)
    assert (total.shown, total.tracked, total.gone) == (3, 2, 1)


def test_mail_older_than_the_start_date_is_left_alone(company: Company) -> None:  # 2.10
    start = timezone.now() - timedelta(days=1)
    for kind in ("exchange", "pop3"):
        profile = company.exchange_profile() if kind == "exchange" else company.pop3_profile()
        mailbox = company.user(f"User-{kind}", profile, process_email_received_after=start)
        old = letter("ann@acme.test", mailbox.email_address, "Old", "x", date=start - timedelta(days=9))
        new = letter("ann@acme.test", mailbox.email_address, f"New {kind}", "x", date=timezone.now())
        company.sandbox.deliver(mailbox.email_address, old, received=(start - timedelta(days=9)).isoformat())
        company.sandbox.deliver(mailbox.email_address, new)
        receive(mailbox)
        assert_balanced(mailbox)
    assert sorted(Email.objects.values_list("subject", flat=True)) == ["New exchange", "New pop3"]


SKIPS = [
    ({"state_code": 1}, "The mailbox is inactive"),
    ({"email_server_profile": None}, "The mailbox has no email server profile"),
    ({"email_router_access_approval": 2}, "The address is not approved"),
    ({"incoming_email_delivery_method": 0}, "The delivery method is None"),
    ({"incoming_email_delivery_method": 1}, "The delivery method is Outlook"),
    ({"incoming_email_delivery_method": 3}, "Mail of this mailbox arrives through a forward mailbox"),
]


@pytest.mark.parametrize(("columns", "reason"), SKIPS)
def test_a_mailbox_that_may_not_run_is_skipped_with_a_reason(company: Company, columns, reason) -> None:  # 1.9, 3.4
    alice = alice_with(company, "pop3")
    deliver(company, 1)
    Mailbox.objects.filter(pk=alice.pk).update(**columns)
    company.sandbox.post("/log/clear", {})

    ended = run(alice)

    assert ended.skipped.startswith(reason)
    assert leg(alice).skip_reason == ended.skipped
    assert company.sandbox.log()["requests"] == []
    assert not Email.objects.exists()


def test_an_inactive_profile_stops_all_its_mailboxes(company: Company) -> None:  # 1.9
    alice = alice_with(company, "pop3")
    profile = alice.email_server_profile
    profile.state_code = 1
    profile.save()
    assert run(alice).skipped.startswith("The email server profile is inactive")


def test_a_loopback_host_that_is_not_listed_is_refused(company: Company, settings) -> None:  # law 10
    alice = alice_with(company, "pop3")
    settings.ALLOWED_LOCAL_HOSTS = frozenset()
    run(alice)
    assert not leg(alice).enabled
    assert "ALLOWED_LOCAL_HOSTS" in leg(alice).last_error + leg(alice).last_remedy


def test_a_contact_saved_later_is_known_to_the_next_letter(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile(), takes=2)
    deliver(company, 1)
    receive(alice)
    assert not Email.objects.exists()
    Contact.objects.create(full_name="Ann", email_address_2="ANN@acme.test")
    company.sandbox.deliver("alice@us.test", letter("Ann@Acme.test", "alice@us.test", "Again", "x"))
    receive(alice)
    assert Email.objects.get().email_sender == Contact.objects.get()
