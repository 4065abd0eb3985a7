"""Mail that cannot be tracked: put aside with its bytes, marked where its owner sees it, and told once (5.22, 2.10)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, TraceLog
from tests.company import Company, assert_balanced, leg, receive
from tests.letters import letter
from tests.poison import Cure, poison
from tracking.crm.models import Email
from tracking.keep.acknowledge import UNDELIVERABLE
from tracking.keep.redo import ignore, redo
from tracking.models import Acknowledgement, LedgerRow, LedgerState, Placement

ALICE = "alice@us.test"
TAG, FLAG = "Tracked to CRM", "Tracked to CRM (Undeliverable)"

__all__ = ["poison"]  # a fixture


def deliver(company: Company, subject: str, *categories: str, to: str = ALICE) -> str:
    [item] = company.sandbox.deliver(to, letter("ann@acme.test", to, subject, f"About {subject}"))
    if categories:
        company.sandbox.update(to, item, categories=list(categories))
    return item


def fail_for_good(mailbox: Mailbox) -> None:
    """So many cycles that whatever can be tried again has been."""
    for _ in range(5):
        receive(mailbox)
        LedgerRow.objects.filter(state=LedgerState.PENDING).update(retry_on=None)


def held(company: Company, folder: str = "inbox") -> dict[str, list[str]]:
    """What a folder of Alice's holds: subjects and categories."""
    return {item["subject"]: item["categories"] for item in company.sandbox.inbox(ALICE, folder)}


def open_alerts(mailbox: Mailbox) -> list[TraceLog]:
    return list(TraceLog.objects.filter(mailbox=mailbox, closed_on=None, cause="messages not tracked"))


def test_mail_that_cannot_be_tracked_is_marked_where_alice_sees_it(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.exchange_profile())
    deliver(company, "Poison", "Family")
    deliver(company, "Fine")
    receive(alice)
    assert held(company) == {"Poison": ["Family"], "Fine": [TAG]}  # not before the last attempt

    fail_for_good(alice)

    row = LedgerRow.objects.get(state=LedgerState.QUARANTINED)
    assert row.raw is not None
    assert "no sense to be made of it" in row.error
    assert held(company) == {"Poison": ["Family", FLAG], "Fine": [TAG]}
    receive(alice)
    assert LedgerRow.objects.get(pk=row.pk).state == LedgerState.QUARANTINED
    assert assert_balanced(alice).quarantined == 1


def test_when_it_is_tracked_at_last_the_mark_goes(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.exchange_profile())
    deliver(company, "Poison", "Family")
    fail_for_good(alice)
    poison()

    assert redo(LedgerRow.objects.all(), timezone.now()) == 1
    receive(alice)

    assert Email.objects.get().subject == "Poison"
    assert held(company) == {"Poison": ["Family", TAG]}
    receive(alice)
    assert LedgerRow.objects.get().state == LedgerState.TRACKED
    assert_balanced(alice)


def test_when_it_turns_out_not_to_matter_the_mark_goes_too(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.exchange_profile())
    deliver(company, "Poison")
    fail_for_good(alice)
    poison()
    alice.regarding_user.sync_settings.incoming_email_filtering_method = IncomingFilter.NO_MESSAGES
    alice.regarding_user.sync_settings.save()

    redo(LedgerRow.objects.all(), timezone.now())
    receive(alice)

    assert LedgerRow.objects.get().state == LedgerState.IGNORED
    assert held(company) == {"Poison": []}


def test_it_is_moved_away_where_the_profile_says_so(company: Company, poison: Cure) -> None:  # 2.10
    alice = company.user("Alice", company.exchange_profile(move_undelivered_emails=True))
    deliver(company, "Poison", "Family")
    deliver(company, "Fine")
    fail_for_good(alice)

    assert held(company) == {"Fine": [TAG]}
    assert held(company, UNDELIVERABLE) == {"Poison": ["Family"]}
    row = LedgerRow.objects.get(state=LedgerState.QUARANTINED)
    assert row.placements.get().gone_on is not None
    receive(alice)  # hears that it has gone
    assert LedgerRow.objects.get(pk=row.pk).state == LedgerState.QUARANTINED
    assert_balanced(alice)

    poison()
    redo(LedgerRow.objects.filter(pk=row.pk), timezone.now())
    receive(alice)

    assert set(Email.objects.values_list("subject", flat=True)) == {"Poison", "Fine"}
    assert_balanced(alice)


def test_a_header_that_breaks_everything_keeps_its_bytes_before_it_is_moved(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of mail that no filter takes at sight only the header is fetched; in quarantine there must be all of it."""
    monkeypatch.setattr("tracking.facts.messages.content_key", lambda *_: 1 / 0)
    profile = company.exchange_profile(move_undelivered_emails=True)
    alice = company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    deliver(company, "Poison")

    fail_for_good(alice)

    assert LedgerRow.objects.get().raw is not None
    assert held(company, UNDELIVERABLE) == {"Poison": []}


def test_what_exchange_itself_cannot_read_is_marked_and_not_moved(company: Company) -> None:
    """Without its bytes it could never be read again from where nobody looks."""
    alice = company.user("Alice", company.exchange_profile(move_undelivered_emails=True))
    deliver(company, "Broken")
    corrupt = {"face": "ews", "operation": "GetItem", "effect": "response", "code": "ErrorItemCorrupt"}
    company.sandbox.fault(**corrupt)
    for _ in range(4):
        receive(alice)
        LedgerRow.objects.update(retry_on=None)
    company.sandbox.clear_faults()
    company.sandbox.fault(**corrupt, times=3)  # its size, the message, the message once more; not its categories

    receive(alice)

    row = LedgerRow.objects.get()
    assert (row.state, row.raw) == (LedgerState.QUARANTINED, None)
    assert company.sandbox.faults() == []
    assert held(company) == {"Broken": [FLAG]}
    assert redo(LedgerRow.objects.all(), timezone.now()) == 1
    receive(alice)
    assert held(company) == {"Broken": [TAG]}


def test_a_crash_after_moving_loses_nothing(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.exchange_profile(move_undelivered_emails=True))
    item = deliver(company, "Poison")
    fail_for_good(alice)
    # As it was before the commit; the server has moved it.
    Placement.objects.update(gone_on=None, acknowledge=Acknowledgement.MOVE_UNDELIVERABLE)

    receive(alice)
    receive(alice)

    assert held(company, UNDELIVERABLE) == {"Poison": []}
    placement = Placement.objects.get(server_key=item)
    assert placement.acknowledge == Acknowledgement.NONE
    assert LedgerRow.objects.get().state == LedgerState.QUARANTINED
    assert_balanced(alice)


def test_a_mailbox_that_lets_us_create_no_folder_gets_the_mark_instead(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.exchange_profile(move_undelivered_emails=True))
    deliver(company, "Poison")
    company.sandbox.fault(face="ews", operation="CreateFolder", effect="response", code="ErrorAccessDenied")

    fail_for_good(alice)

    assert held(company) == {"Poison": [FLAG]}
    assert Placement.objects.get().acknowledge == Acknowledgement.NONE
    assert leg(alice).last_error == ""


def test_over_pop3_there_is_nothing_to_mark(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.pop3_profile())
    deliver(company, "Poison")

    fail_for_good(alice)

    assert LedgerRow.objects.get().state == LedgerState.QUARANTINED
    assert Placement.objects.get().acknowledge == Acknowledgement.NONE
    assert len(open_alerts(alice)) == 1


def test_one_alert_tells_how_many_and_ends_with_the_last(company: Company, poison: Cure) -> None:
    alice = company.user("Alice", company.exchange_profile())
    deliver(company, "Poison")
    deliver(company, "Poison again")
    fail_for_good(alice)

    [alert] = open_alerts(alice)
    assert alert.text.startswith("2 messages of alice@us.test could not be tracked")
    assert "“Redo”" in alert.remedy
    assert "no sense to be made of it" in alert.error_details
    assert "Poison" not in alert.text + alert.error_details

    first, second = LedgerRow.objects.order_by("id")
    ignore(LedgerRow.objects.filter(pk=first.pk), "bob", timezone.now())
    assert len(open_alerts(alice)) == 1
    poison()
    redo(LedgerRow.objects.filter(pk=second.pk), timezone.now())
    receive(alice)

    assert open_alerts(alice) == []
    assert_balanced(alice)
