"""The brake: one reason, and nothing runs any more at any breadth; afterwards everything goes on without a test."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes import brake
from mailboxes.brake import Scope
from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, Pause
from profiles.connectors.mime import Address
from serversync.cycles import engine
from serversync.cycles.engine import Ended
from tests.company import Company, assert_balanced, leg, receive, run, send
from tests.kill.scenarios import submit
from tests.kill.test_fencing import Interrupted
from tests.letters import letter
from tracking.crm.models import Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail

REASON = "The mail server moves house."


@pytest.fixture
def people(company: Company) -> dict[str, Mailbox]:
    """Alice and Support on POP3, Bob on Exchange."""
    pop3 = company.pop3_profile()
    return {
        "Alice": company.user("Alice", pop3),
        "Support": company.queue("Support", pop3),
        "Bob": company.user("Bob", company.exchange_profile()),
    }


SCOPES: list[tuple[str, Callable[[dict[str, Mailbox]], Scope], set[str]]] = [
    (
        "the organization",
        lambda _: Scope(),
        {"Alice in", "Alice out", "Support in", "Support out", "Bob in", "Bob out"},
    ),
    ("its incoming mail", lambda _: Scope(leg=Leg.INCOMING), {"Alice in", "Support in", "Bob in"}),
    (
        "a profile",
        lambda people: Scope(profile=people["Alice"].email_server_profile),
        {"Alice in", "Alice out", "Support in", "Support out"},
    ),
    (
        "a profile's outgoing mail",
        lambda people: Scope(profile=people["Alice"].email_server_profile, leg=Leg.OUTGOING),
        {"Alice out", "Support out"},
    ),
    ("a mailbox", lambda people: Scope(mailbox=people["Bob"]), {"Bob in", "Bob out"}),
    ("one leg", lambda people: Scope(mailbox=people["Bob"], leg=Leg.OUTGOING), {"Bob out"}),
]


def standing_still(people: dict[str, Mailbox]) -> set[str]:
    """The legs that, asked to run, are skipped for the pause."""
    still = set()
    for name, mailbox in people.items():
        for which, word in ((Leg.INCOMING, "in"), (Leg.OUTGOING, "out")):
            skipped = run(mailbox, which).skipped
            assert not skipped or skipped.startswith("Paused by Ada"), skipped
            assert leg(mailbox, which).skip_reason == skipped
            if skipped:
                still.add(f"{name} {word}")
    return still


@pytest.mark.parametrize(("words", "scope", "expected"), SCOPES, ids=[one[0] for one in SCOPES])
def test_exactly_what_is_paused_stands_still_until_it_is_resumed(
    people: dict[str, Mailbox], words: str, scope: Any, expected: set[str]
) -> None:
    ada = get_user_model().objects.create_user("ada", first_name="Ada")
    paused = brake.pause(scope(people), REASON, ada, timezone.now())

    assert standing_still(people) == expected
    assert not MailboxLeg.objects.filter(mailbox__in=people.values(), enabled=False).exists()

    assert brake.resume(paused, ada, timezone.now()) > 0

    requested = MailboxLeg.objects.filter(requested_on__isnull=False, leg__in=[Leg.INCOMING, Leg.OUTGOING])
    assert requested.count() == len(expected)
    assert standing_still(people) == set()
    assert brake.resume(paused, ada, timezone.now()) == 0


def test_the_reason_and_the_person_are_seen_at_once_without_a_worker(people: dict[str, Mailbox]) -> None:
    now = timezone.now()
    paused = brake.pause(Scope(), REASON, "root (command line)", now)
    seen = set(MailboxLeg.objects.filter(enabled=True).values_list("skip_reason", flat=True))
    assert seen == {f"Paused by root (command line) since {now:%Y-%m-%d %H:%M} UTC: {REASON}"}
    assert brake.pause_over(people["Bob"], Leg.INCOMING) == paused


def test_the_most_general_pause_is_told_and_the_narrower_one_outlives_it(people: dict[str, Mailbox]) -> None:
    bob = people["Bob"]
    brake.pause(Scope(mailbox=bob, leg=Leg.INCOMING), "Bob asked for it", "Ada", timezone.now())
    brake.pause(Scope(profile=bob.email_server_profile), "Exchange is down", "Ada", timezone.now())
    everything = brake.pause(Scope(), REASON, "Ada", timezone.now())
    assert run(bob).skipped.endswith(REASON)

    brake.resume(everything, "Ada", timezone.now())
    assert run(bob).skipped.endswith("Exchange is down")

    brake.resume(brake.pauses_of(Scope(profile=bob.email_server_profile)).get(), "Ada", timezone.now())
    assert run(bob).skipped.endswith("Bob asked for it")
    assert brake.pause_over(bob) is None
    assert send(bob).report.sent == 0


def test_pausing_twice_keeps_who_paused_first(people: dict[str, Mailbox]) -> None:
    first = brake.pause(Scope(), REASON, "Ada", timezone.now())
    assert brake.pause(Scope(), "something else", "Bo", timezone.now()) == first
    assert Pause.objects.count() == 1


def test_a_mailbox_that_comes_later_is_paused_with_its_profile(company: Company, people: dict[str, Mailbox]) -> None:
    profile = people["Alice"].email_server_profile
    brake.pause(Scope(profile=profile), REASON, "Ada", timezone.now())
    assert run(company.user("Charlie", profile)).skipped.startswith("Paused by Ada")


def test_what_would_not_run_anyway_keeps_saying_why(people: dict[str, Mailbox]) -> None:
    brake.pause(Scope(), REASON, "Ada", timezone.now())
    Mailbox.objects.filter(pk=people["Bob"].pk).update(state_code=1)
    assert run(people["Bob"]).skipped.startswith("The mailbox is inactive")


def test_a_worker_that_is_about_to_claim_comes_too_late(people: dict[str, Mailbox]) -> None:
    row = leg(people["Bob"])
    brake.pause(Scope(), REASON, "Ada", timezone.now())
    assert MailboxLeg.objects.claim(row, timezone.now(), "a worker") is None


def interrupt(monkeypatch: pytest.MonkeyPatch, call: str, happening: Callable[[], object]) -> None:
    """Before a cycle makes this call to a server, something happens."""
    for place in ("serversync.cycles.engine.open_source", "serversync.cycles.outboxes.open_outbox"):
        module, _, name = place.rpartition(".")
        opens = getattr(__import__(module, fromlist=[name]), name)
        monkeypatch.setattr(place, lambda *a, opens=opens: Interrupted(opens(*a), call, happening))


def cycles(mailbox: Mailbox, which: Leg) -> list[Ended]:
    """Everything a worker does with one leg that was asked to run."""
    row = leg(mailbox, which)
    MailboxLeg.objects.filter(pk=row.pk).request(timezone.now())
    return engine.drain(timezone.now, 60, among=[row.pk])


@pytest.mark.parametrize("call", ["changes", "fetch"])
@pytest.mark.parametrize("name", ["Alice", "Bob"])
def test_a_cycle_in_the_middle_of_its_work_writes_nothing_more_and_everything_is_kept_once_afterwards(
    company: Company, people: dict[str, Mailbox], monkeypatch: pytest.MonkeyPatch, name: str, call: str
) -> None:
    mailbox, pauses = people[name], []
    for number in range(3):
        company.sandbox.deliver(
            mailbox.email_address, letter("ann@acme.test", mailbox.email_address, f"Mail {number}", "x")
        )
    interrupt(monkeypatch, call, lambda: pauses.append(brake.pause(Scope(), REASON, "Ada", timezone.now())))

    fenced, skipped = cycles(mailbox, Leg.INCOMING)

    assert fenced.lost
    assert skipped.skipped.endswith(REASON)
    assert Email.objects.count() == 0
    assert (leg(mailbox).leased_until, leg(mailbox).status) == (None, LegStatus.NOT_RUN)
    assert leg(mailbox).skip_reason.endswith(REASON)
    monkeypatch.undo()
    assert run(mailbox).skipped.endswith(REASON)
    assert Email.objects.count() == 0

    brake.resume(pauses[0], "Ada", timezone.now())
    receive(mailbox)

    assert sorted(Email.objects.values_list("subject", flat=True)) == ["Mail 0", "Mail 1", "Mail 2"]
    assert leg(mailbox).status == LegStatus.SUCCESS
    assert_balanced(mailbox)


@pytest.mark.parametrize("name", ["Alice", "Bob"])
def test_what_is_about_to_be_sent_stays_here_and_leaves_once_afterwards(
    company: Company, people: dict[str, Mailbox], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mailbox, pauses = people[name], []
    submit(NewEmail(mailbox, [Address("", "ann@acme.test")], "Offer", text="x"))
    scope = Scope(mailbox=mailbox, leg=Leg.OUTGOING)
    interrupt(monkeypatch, "send", lambda: pauses.append(brake.pause(scope, REASON, "Ada", timezone.now())))

    fenced, skipped = cycles(mailbox, Leg.OUTGOING)

    assert fenced.lost
    assert skipped.skipped.endswith(REASON)
    assert company.sandbox.inbox("ann@acme.test") == []
    assert Email.objects.get().status_code == EmailStatus.PENDING_SEND
    monkeypatch.undo()
    brake.resume(pauses[0], "Ada", timezone.now())
    assert send(mailbox).report.sent == 1
    assert len(company.sandbox.inbox("ann@acme.test")) == 1


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    client.force_login(get_user_model().objects.create_superuser("ada", first_name="Ada"))
    return client


def test_two_clicks_pause_and_one_resumes(ada: Client, people: dict[str, Mailbox]) -> None:
    address = reverse("console:pause")
    assert f'href="{address}"' in ada.get("/").content.decode()
    assert "Pause the organization?" in ada.get(address).content.decode()

    page = ada.post(address, {"reason": REASON, "leg": ""}, follow=True).content.decode()

    for place in (page, *(ada.get(url).content.decode() for url in ("/", "/mailboxes/mailbox/", "/crm/email/"))):
        assert "Synchronization is paused for the whole organization." in place
        assert REASON in place
        assert "Paused by Ada" in place
    ada.post(reverse("console:resume", args=[Pause.objects.get().pk]))
    assert REASON not in ada.get("/").content.decode()
    history = ada.get(reverse("admin:mailboxes_pause_changelist")).content.decode()
    assert REASON in history
    assert "The organization" in history


def test_the_list_says_who_resumed_also_from_the_command_line_and_after_their_account_is_gone(ada: Client) -> None:
    bo = get_user_model().objects.create_superuser("bo", first_name="Bo")
    for by in (bo, "root (command line)", get_user_model().objects.get(username="ada")):
        brake.resume(brake.pause(Scope(), REASON, "Ada", timezone.now()), by, timezone.now())
    assert Pause.objects.filter(ended_by=bo).count() == 1
    brake.pause(Scope(), REASON, "Ada", timezone.now())

    def resumed_by() -> list[str]:
        page = ada.get(reverse("admin:mailboxes_pause_changelist")).context["cl"]
        return [page.model_admin.resumed_by(one) for one in page.result_list]

    assert resumed_by() == ["–", "Ada", "root (command line)", "Bo"]
    bo.delete()
    assert resumed_by() == ["–", "Ada", "root (command line)", "Bo"]


def test_a_paused_leg_is_shown_in_the_list_and_on_the_page_of_its_mailbox(
    ada: Client, people: dict[str, Mailbox]
) -> None:
    bob = people["Bob"]
    page = ada.get(reverse("console:mailbox", args=[bob.pk])).content.decode()
    address = f"{reverse('console:pause')}?mailbox={bob.pk}&amp;leg=1"
    assert address in page
    ada.post(address.replace("&amp;", "&"), {"reason": REASON, "leg": "1"})

    page = ada.get(reverse("console:mailbox", args=[bob.pk])).content.decode()

    assert REASON in page
    assert "Resume" in page
    listed = ada.get("/mailboxes/mailbox/").context["cl"].result_list
    assert {one.name: one.is_paused for one in listed} == {"Alice": False, "Bob": True, "Support": False} | {
        one.name: False for one in listed if one.name not in people
    }
    assert "whole organization" not in ada.get("/").content.decode()


def test_a_profile_is_paused_from_its_page(ada: Client, people: dict[str, Mailbox]) -> None:
    profile = people["Alice"].email_server_profile
    own = reverse("admin:profiles_emailserverprofile_change", args=[profile.pk])
    address = f"{reverse('console:pause')}?profile={profile.pk}"
    assert address in ada.get(own).content.decode()
    assert ada.post(address, {"reason": REASON, "leg": ""}).headers["Location"] == own
    assert REASON in ada.get(own).content.decode()
    assert REASON in ada.get(reverse("console:mailbox", args=[people["Alice"].pk])).content.decode()
    assert REASON not in ada.get(reverse("console:mailbox", args=[people["Bob"].pk])).content.decode()


def test_a_pause_needs_a_reason_and_a_permission(ada: Client, people: dict[str, Mailbox]) -> None:
    address = reverse("console:pause")
    assert "This field is required" in ada.post(address, {"reason": "", "leg": ""}).content.decode()
    assert Pause.objects.count() == 0
    assert ada.get(address, {"mailbox": "nonsense"}).status_code == 404
    bo = Client()
    bo.force_login(get_user_model().objects.create_user("bo", is_staff=True))
    assert bo.post(address, {"reason": REASON, "leg": ""}).status_code == 403
    paused = brake.pause(Scope(), REASON, "Ada", timezone.now())
    assert bo.post(reverse("console:resume", args=[paused.pk])).status_code == 403
    page = bo.get("/").content.decode()
    assert REASON in page
    assert "Resume" not in page


def tell(*command: str, **options: Any) -> str:
    out = StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def test_the_brake_has_two_commands(people: dict[str, Mailbox]) -> None:
    assert "Paused by" in tell("pause", "--mailbox", "BOB@us.test", "--leg", "incoming", "--reason", REASON)
    assert run(people["Bob"]).skipped.endswith(REASON)
    assert not run(people["Bob"], Leg.OUTGOING).skipped
    with pytest.raises(CommandError, match=REASON):
        tell("resume")
    assert "Resumed" in tell("resume", "--mailbox", "bob@us.test", "--leg", "incoming")
    tell("pause", "--profile", "POP3", "--reason", REASON)
    assert run(people["Support"]).skipped
    tell("resume", "--profile", "POP3")
    tell("pause", "--reason", REASON)
    assert run(people["Bob"]).skipped
    assert "Resumed: the organization." in tell("resume")
    assert Pause.objects.filter(ended_on__isnull=True).count() == 0
    for unknown in (["--mailbox", "nobody@us.test"], ["--profile", "None"]):
        with pytest.raises(CommandError, match="There is no"):
            tell("pause", *unknown, "--reason", REASON)
