"""What would change: rules changed on paper, over the messages that are on the server. Over sockets; nothing is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, MailboxLeg, Pause
from serversync.dry_run import NotPossible, Proposal, Result, dry_run, exclusions_from
from tests.company import Company, decide, receive, write
from tests.letters import FIRST_OF_MARCH, letter
from tracking.crm.models import Contact, Email

ALL, RESPONSES = IncomingFilter.ALL_MESSAGES, IncomingFilter.RESPONSES_TO_OUR_MAIL


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def database() -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored."""
    return {
        model._meta.label: sorted(model._base_manager.values(), key=str)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
    }


def what_if(mailbox: Mailbox, last: int = 200, **proposed: Any) -> Result:
    """A dry run that must leave everything as it is."""
    mailbox = Mailbox.objects.get(pk=mailbox.pk)
    before = database()
    result = dry_run(mailbox, Proposal(**proposed), timezone.now, last)
    assert database() == before
    return result


def changes(result: Result) -> list[tuple[str, bool, bool]]:
    return [(one.subject, one.kept_before, one.kept_after) for one in result.differences]


def deliver(company: Company, subject: str, sender: str = "ann@acme.test", **more: Any) -> None:
    company.sandbox.deliver("alice@us.test", letter(sender, "alice@us.test", subject, "x", **more))


def test_alice_sees_what_a_narrower_filter_would_leave_out_although_all_is_tracked_already(
    company: Company, profile
) -> None:
    alice = company.user("Alice", profile, ALL)
    news = write(alice, "dora@shop.test")
    deliver(company, "Newsletter")
    deliver(company, "Re: News", "dora@shop.test", in_reply_to=news.message_id)
    receive(alice)
    assert Email.objects.filter(receiving_mailbox=alice).count() == 2
    on_server = company.sandbox.items("alice@us.test")

    result = what_if(alice, takes=RESPONSES)

    assert (result.looked_at, result.tracked_before, result.tracked_after) == (2, 2, 1)
    assert changes(result) == [("Newsletter", True, False)]
    (lost,) = result.differences
    assert lost.reason_before == "The filter takes all messages."
    assert "filter takes only responses" in lost.reason_after
    assert result.other_reason == 1  # the answer would be tracked because it is one
    assert company.sandbox.items("alice@us.test") == on_server


def test_a_wider_filter_shows_what_would_come_in_before_anything_was_ever_synchronized(
    company: Company, profile
) -> None:
    alice = company.user("Alice", profile, RESPONSES)
    alice.legs.update(enabled=False)
    deliver(company, "First", message_id="<first@acme.test>")
    deliver(company, "Re: First", in_reply_to="<first@acme.test>")
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")

    result = what_if(alice, takes=IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS)

    assert changes(result) == [("Re: First", False, True), ("First", False, True)]
    assert (result.gained, result.lost) == (2, 0)
    assert not Email.objects.exists()


def test_what_would_be_tracked_then_leads_to_its_answers(company: Company, profile) -> None:
    alice = company.user("Alice", profile, IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS)
    deliver(company, "First", message_id="<first@acme.test>")
    deliver(company, "Re: First", "stranger@far.test", in_reply_to="<first@acme.test>")
    excluded = exclusions_from(["ACME.test"])
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")
    assert what_if(alice).tracked_before == 2
    result = what_if(alice, exclude=excluded)
    assert result.tracked_after == 0  # nothing to answer is left
    assert result.lost == 2


def test_only_the_newest_are_looked_at(company: Company, profile) -> None:
    alice = company.user("Alice", profile, ALL)
    for number in range(5):
        deliver(company, f"Letter {number}")
    result = what_if(alice, last=2, takes=IncomingFilter.NO_MESSAGES)
    assert (result.on_server, result.looked_at) == (5, 2)
    assert [one.subject for one in result.differences] == ["Letter 4", "Letter 3"]


def test_two_copies_of_one_message_are_judged_as_copies(company: Company, profile) -> None:
    alice = company.user("Alice", profile, ALL)
    for _ in range(2):
        deliver(company, "Twice", message_id="<twice@acme.test>")
    receive(alice)
    assert what_if(alice).tracked_before == 2
    assert what_if(alice, takes=IncomingFilter.NO_MESSAGES).tracked_after == 0


def test_a_message_does_not_lead_to_itself_by_its_conversation_index(company: Company) -> None:  # 6.1
    alice = company.user("Alice", company.exchange_profile(), ALL)
    deliver(company, "Alone", extra_headers=[("Thread-Index", "AQHZb1vJ3l6r9b2kT0m7V8c1pQ5XbA==")])
    receive(alice)
    assert Email.objects.get().base_conversation_index_hash is not None
    assert what_if(alice, takes=RESPONSES).tracked_after == 0


def test_a_start_date_and_a_setting_on_paper(company: Company, profile) -> None:  # 2.10, 5.5
    alice = company.user("Alice", profile, ALL)
    for month in (3, 9):
        day = datetime(2026, month, 1, tzinfo=UTC)
        raw = letter("ann@acme.test", "alice@us.test", f"Month {month}", "x", date=day)
        company.sandbox.deliver("alice@us.test", raw, received=day.isoformat())
    result = what_if(alice, start=datetime(2026, 6, 1, tzinfo=UTC))
    assert changes(result) == [("Month 3", True, False)]
    forced = what_if(alice, takes=ALL, overrides={"sss_force_filtering_method_for_user_mailboxes": 4})
    assert (forced.tracked_before, forced.tracked_after) == (2, 0)  # the organization's word counts


def test_taking_an_exclusion_back_shows_what_would_come(company: Company, profile) -> None:
    alice = company.user("Alice", profile, ALL)
    alice.exclusions.create(kind=1, value="acme.test", created_on=timezone.now())
    deliver(company, "Hello")
    assert changes(what_if(alice, allow=exclusions_from(["acme.test"]))) == [("Hello", False, True)]


def test_a_message_without_message_id_is_read_whole_and_recognised(company: Company, profile) -> None:
    alice = company.user("Alice", profile, ALL)
    raw = b"From: ann@acme.test\r\nTo: alice@us.test\r\nSubject: Bare\r\nDate: Sun, 1 Mar 2026 09:00:00 +0000\r\n\r\nHello\r\n"
    company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    result = what_if(alice, takes=IncomingFilter.NO_MESSAGES)
    assert [one.message_id for one in result.differences] == [Email.objects.get().message_id]


def test_pop3_gives_only_headers(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile(), ALL)
    deliver(company, "Large", attachments=[("big.bin", "application/octet-stream", b"x" * 100_000)])
    company.sandbox.clear_log()
    assert what_if(alice).looked_at == 1
    counted = company.sandbox.log()["counters"]["pop3"]
    assert counted["TOP"] == 1
    assert "RETR" not in counted
    assert "DELE" not in counted


def test_it_is_refused_with_a_sentence_where_it_would_disturb(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile(), ALL)
    MailboxLeg.objects.filter(mailbox=alice, leg=0).update(leased_until=timezone.now() + timedelta(seconds=40))
    with pytest.raises(NotPossible, match="being synchronized just now"):
        what_if(alice)
    MailboxLeg.objects.update(leased_until=None)
    Pause.objects.create(mailbox=alice, reason="Moving house.", paused_on=timezone.now())
    with pytest.raises(NotPossible, match="Moving house"):
        what_if(alice)
    Pause.objects.all().delete()
    Mailbox.objects.filter(pk=alice.pk).update(email_router_access_approval=2)
    with pytest.raises(NotPossible, match="not approved"):
        what_if(alice)


def test_a_server_that_refuses_is_quoted(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile(), ALL, password="wrong")
    with pytest.raises(NotPossible, match="password"):
        what_if(alice)


def test_when_the_time_is_up_it_says_so(company: Company, profile) -> None:
    alice = company.user("Alice", profile, ALL)
    deliver(company, "One")
    times = iter([FIRST_OF_MARCH] * 2)
    with pytest.raises(NotPossible, match="took too long"):
        dry_run(
            Mailbox.objects.get(pk=alice.pk),
            Proposal(),
            lambda: next(times, FIRST_OF_MARCH + timedelta(hours=1)),
        )


# The command


def told(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("dry_run", "--mailbox", "ALICE@us.test", "--json", *arguments, stdout=out)
    return dict(json.loads(out.getvalue()))


def test_the_command_tells_the_differences_but_no_subjects(company: Company, profile) -> None:
    alice = company.user("Alice", profile, ALL)
    decide(keep_related_internal_email=True)
    deliver(company, "Secret", message_id="<s@acme.test>")
    deliver(company, "Mine", "dora@shop.test", extra_headers=[("Sensitivity", "Private")])
    receive(alice)
    answer = told("--filter", "responses-to-our-mail", "--set", "recognize_list_and_bcc_delivery=off")
    assert (answer["tracked_now"], answer["tracked_then"], answer["looked_at"]) == (2, 0, 2)
    assert [(one["sender"], one["kept_after"]) for one in answer["differences"]] == [
        ("", False),
        ("ann@acme.test", False),
    ]
    assert "Secret" not in json.dumps(answer)
    out = StringIO()
    call_command("dry_run", "--mailbox", "alice@us.test", "--filter", "4", stdout=out)
    assert "<s@acme.test>" in out.getvalue()
    assert "Nothing was written." in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--filter", "some"], "is no filter"),
        (["--set", "nonsense=1"], "is not a setting"),
        (["--set", "item_attempts"], "has no “=”"),
        (["--set", "item_attempts=many"], "whole number"),
        (["--start", "yesterday"], "is no date"),
        (["--start", "2026-02-31"], "is no date"),
        (["--last", "2001"], "from 1 to 2,000"),
    ],
)
def test_the_command_names_what_is_wrong(company: Company, arguments: list[str], words: str) -> None:
    company.user("Alice", company.pop3_profile(), ALL)
    with pytest.raises(CommandError, match=words):
        told(*arguments)


def test_the_command_knows_no_such_mailbox(company: Company) -> None:
    with pytest.raises(CommandError, match="No mailbox has the address"):
        call_command("dry_run", "--mailbox", "nobody@us.test")
