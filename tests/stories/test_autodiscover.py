"""A profile that names no server: each mailbox finds its own, remembers it, and follows it when it moves (2.7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, TraceLog
from mailboxes.models.settings import current_policy
from mailboxes.profile_check import check
from profiles.connectors.base import AuthenticationFailed, MailboxUnavailable
from profiles.secrets import Sealed
from serversync.folder_questions import create_folder, foresee
from tests import trials
from tests.company import Company, assert_balanced, leg, receive, run, send
from tests.letters import letter
from tracking.crm.models import Email
from tracking.models import MailboxTrackingFolder

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def alice(company: Company) -> Mailbox:
    """Alice, whose profile says where to ask first, as the tests have no name server."""
    return company.user("Alice", company.exchange_profile(use_auto_discover=True))


def asked(company: Company) -> int:
    """How often autodiscover was asked since the log was cleared."""
    return int(company.sandbox.log()["counters"].get("ews", {}).get("Autodiscover", 0))


def deliver(company: Company, subject: str) -> None:
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", subject, "x"))


def test_the_server_is_found_once_for_both_directions(company: Company, alice: Mailbox) -> None:
    deliver(company, "Hello")
    run(alice, now=NOW)

    assert Email.objects.get().subject == "Hello"
    for which in (Leg.INCOMING, Leg.OUTGOING):
        row = leg(alice, which)
        assert (row.ews_url, row.last_auto_discovered_on) == (company.sandbox.ews_url, NOW)
    assert leg(alice).status == LegStatus.SUCCESS
    send(alice)
    receive(alice)
    assert asked(company) == 1
    assert_balanced(alice)


@pytest.mark.parametrize("status", [404, 401])
def test_a_mailbox_that_moved_is_found_again_in_the_same_cycle(company: Company, alice: Mailbox, status: int) -> None:
    receive(alice)
    if status == 404:
        MailboxLeg.objects.update(ews_url=company.sandbox.ews_url.replace("/EWS/", "/old/"))
    else:  # the old server, under another name, no longer lets the account in
        MailboxLeg.objects.update(ews_url=company.sandbox.ews_url.lower())
        company.sandbox.fault(face="ews", operation="SyncFolderItems", effect="status", status=401, times=1)
    deliver(company, "After the move")
    company.sandbox.clear_log()

    receive(alice)

    assert Email.objects.get().subject == "After the move"
    assert leg(alice, Leg.OUTGOING).ews_url == company.sandbox.ews_url
    assert asked(company) == 1
    assert not TraceLog.objects.exists()
    assert_balanced(alice)


def test_a_server_that_stays_where_it_is_and_refuses_is_asked_for_once_in_a_cycle(
    company: Company, alice: Mailbox
) -> None:
    receive(alice)
    company.sandbox.clear_log()
    company.sandbox.fault(face="ews", operation="SyncFolderItems", effect="status", status=404)

    ended = run(alice)

    assert isinstance(ended.error, MailboxUnavailable)
    counters = company.sandbox.log()["counters"]["ews"]
    assert (counters["Autodiscover"], counters["SyncFolderItems"]) == (1, 1)


def test_what_was_just_found_is_not_looked_for_once_more(company: Company, alice: Mailbox) -> None:
    company.sandbox.settings(ews_location=company.sandbox.ews_url.replace("/EWS/", "/wrong/"))

    ended = run(alice)

    assert isinstance(ended.error, MailboxUnavailable)
    assert asked(company) == 1


def test_a_wrong_password_is_refused_by_autodiscover_once_and_stops_the_mailbox(
    company: Company, alice: Mailbox
) -> None:
    profile = alice.email_server_profile
    profile.incoming_password = Sealed.of("wrong")
    profile.save()
    company.sandbox.clear_log()

    ended = run(alice)

    assert isinstance(ended.error, AuthenticationFailed)
    assert not leg(alice).enabled
    assert company.sandbox.log()["counters"]["ews"] == {"Unauthorized": 1}


def test_an_address_that_nobody_knows_is_said_with_what_helps(company: Company, alice: Mailbox) -> None:
    Mailbox.objects.filter(pk=alice.pk).update(email_address="stranger@us.test")

    run(alice)

    alert = TraceLog.objects.get()
    assert "Autodiscover does not find the Exchange server of stranger@us.test." in alert.text
    assert "autodiscover.us.test" in alert.remedy
    assert leg(alice).ews_url == ""


def test_a_test_finds_the_server_anew(company: Company, alice: Mailbox) -> None:  # 3.10
    MailboxLeg.objects.update(ews_url="https://gone.invalid/EWS/Exchange.asmx")
    trials.ask(alice)

    ended = trials.carry_out(alice)

    assert [trial.succeeded for trial in ended.values()] == [True, True], [trial.steps for trial in ended.values()]
    assert leg(alice).ews_url == company.sandbox.ews_url


def test_a_test_says_that_the_server_was_not_found(company: Company, alice: Mailbox) -> None:
    company.sandbox.fault(face="ews", operation="Autodiscover", effect="status", status=404)
    trials.ask(alice, Leg.INCOMING)

    failed = trials.carry_out(alice)[Leg.INCOMING]

    step = failed.steps[-1]
    assert (step["name"], step["ok"]) == ("Find the server by autodiscover", False)
    assert "HTTP status 404" in step["words"]
    assert "EWS address" in step["remedy"]


def test_a_profile_is_tried_out_by_asking_and_nothing_is_remembered(company: Company, alice: Mailbox) -> None:  # 2.14
    tried = check(alice.email_server_profile, alice)
    assert [step.ok for one in tried for step in one.steps] == [True] * sum(len(one.steps) for one in tried)
    assert leg(alice).ews_url == ""
    company.sandbox.fault(face="ews", operation="Autodiscover", effect="status", status=404)

    [incoming, _] = check(alice.email_server_profile, alice)

    [step] = incoming.steps
    assert not step.ok
    assert "Autodiscover does not find the Exchange server of alice@us.test." in step.words


def test_a_page_that_asks_for_folders_finds_the_server_too(company: Company, alice: Mailbox) -> None:
    """9.4, before the mailbox was ever read."""
    folder = create_folder(alice, "", "Acme", NOW)
    rule = MailboxTrackingFolder(mailbox=alice, exchange_folder_id=folder.key)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Offer", "x"), folder=folder.key)

    assert foresee(rule, current_policy(), NOW).newly == 1

    assert (leg(alice).ews_url, asked(company)) == (company.sandbox.ews_url, 1)


def test_a_profile_without_autodiscover_asks_nobody(company: Company) -> None:
    bob = company.user("Bob", company.exchange_profile())
    receive(bob)
    assert asked(company) == 0
    assert (leg(bob).ews_url, leg(bob).last_auto_discovered_on) == ("", None)
