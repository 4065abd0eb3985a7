"""Who is told what, and when: levels, one alert per cause, e-mails to owners, the dead-man alarm (2.10, 4.8–4.12)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, Organization, TraceLevel, TraceLog
from mailboxes.policy import policy_from
from profiles.models import EmailServerProfile
from profiles.secrets import Sealed
from serversync.watch import watch
from tests.company import Company, leg, receive, run

NOW = timezone.now
MINUTE = timedelta(minutes=1)


def set_policy(**overrides: Any) -> None:
    Organization.objects.update_or_create(id=1, defaults={"overrides": overrides})


def alert(cause: str) -> TraceLog | None:
    return TraceLog.objects.filter(cause=cause).order_by("-created_on").first()


def fails(mailbox: Mailbox, at: datetime) -> None:
    """The mailbox's last incoming cycle ended badly at this time."""
    mailbox.legs.filter(leg=Leg.INCOMING).update(status=LegStatus.FAILURE, last_completed_on=at)


def works(mailbox: Mailbox, at: datetime) -> None:
    mailbox.legs.filter(leg=Leg.INCOMING).update(
        status=LegStatus.SUCCESS, last_completed_on=at, last_succeeded_on=at, due_on=at + 5 * MINUTE
    )


@pytest.fixture
def five(company: Company) -> list[Mailbox]:
    """Five people on one profile whose owner wants e-mail; all worked a moment ago."""
    profile = company.pop3_profile(send_email_alert=True, owner_email_address="ops@us.test")
    people = [company.user(name, profile) for name in ("Alice", "Bob", "Carol", "Dan", "Eve")]
    MailboxLeg.objects.exclude(leg=Leg.INCOMING).update(enabled=False)
    for mailbox in people:
        works(mailbox, NOW())
    return people


# Levels and causes

LEVELS = [
    (TraceLevel.ERROR, "generate_alerts_for_errors"),
    (TraceLevel.WARNING, "generate_alerts_for_warnings"),
    (TraceLevel.INFORMATION, "generate_alerts_for_information"),
]


@pytest.mark.parametrize(("level", "switch"), LEVELS)
def test_each_level_is_told_unless_it_is_switched_off(company: Company, level, switch) -> None:  # 4.11
    alice = company.user("Alice", company.pop3_profile())
    for other, _ in LEVELS:
        assert raise_alert(alice, other, f"on {other}", "Something happened.", NOW())
    set_policy(**{switch: False})

    for other, _ in LEVELS:
        assert raise_alert(alice, other, f"off {other}", "Something happened.", NOW()) == (other != level)

    assert alert(f"off {level}") is None
    assert raise_alert(alice, level, "loss", "Mail may be lost.", NOW(), always=True)


def test_one_cause_is_one_open_alert_with_a_count(company: Company) -> None:  # 4.12
    profile = company.pop3_profile()
    alice = company.user("Alice", profile)
    for about in (alice, profile):
        raised = [raise_alert(about, TraceLevel.WARNING, "cause", f"Time {number}.", NOW()) for number in range(3)]
        assert raised == [True, False, False]
        raise_alert(about, TraceLevel.WARNING, "another cause", "Once.", NOW())
        assert close_alerts(about, ["cause"], NOW()) == 1
        assert raise_alert(about, TraceLevel.WARNING, "cause", "Again.", NOW())
    for column in ({"mailbox": alice}, {"email_server_profile": profile}):
        rows = TraceLog.objects.filter(**column).order_by("occurrences", "created_on")
        assert [row.occurrences for row in rows] == [1, 1, 3]
        assert [row.closed_on is None for row in rows] == [True, True, False]


# A server that answers nobody


def test_a_silent_server_is_one_alert_of_its_profile_until_it_works_again(company: Company) -> None:  # 4.9
    profile = company.pop3_profile()
    people = [company.user(name, profile) for name in ("Alice", "Bob", "Carol", "Dan")]
    company.sandbox.fault(face="pop3", operation="*", effect="drop")
    for mailbox in people:
        run(mailbox)

    silent = alert("incoming server silent")
    assert silent is not None
    assert (silent.email_server_profile, silent.level, silent.closed_on) == (profile, TraceLevel.WARNING, None)
    assert "POP3" in silent.text

    company.sandbox.clear_faults()
    run(people[3], now=NOW() + 6 * MINUTE)

    silent.refresh_from_db()
    assert silent.closed_on is not None
    recovered = alert("incoming server recovered")
    assert recovered is not None
    assert recovered.text == "Incoming email: the server of POP3 works again."


# More than half of a profile fails


@pytest.mark.parametrize(("failing", "mails"), [(0, 0), (2, 0), (3, 1), (5, 1)])
def test_the_owner_is_written_to_when_more_than_half_fail(five: list[Mailbox], failing: int, mails: int) -> None:
    for mailbox in five[:failing]:
        fails(mailbox, NOW())

    assert watch(NOW()).profile_mails == mails
    assert watch(NOW() + MINUTE).profile_mails == 0

    assert len(mail.outbox) == mails
    for letter in mail.outbox:
        assert letter.to == ["ops@us.test"]
        assert f"{failing} of 5 mailboxes" in letter.subject
        assert letter.extra_headers["Auto-Submitted"] == "auto-generated"


def test_exactly_half_is_not_more_than_half(five: list[Mailbox]) -> None:
    Mailbox.objects.filter(pk=five[4].pk).update(state_code=1)
    for mailbox in five[:2]:
        fails(mailbox, NOW())
    assert watch(NOW()).profile_mails == 0


def test_the_owner_is_written_to_once_an_hour(five: list[Mailbox]) -> None:
    now = NOW()
    told = []
    for minute in (0, 30, 59, 60, 61):
        for mailbox in five:
            fails(mailbox, now + minute * MINUTE)
        told.append(watch(now + minute * MINUTE).profile_mails)
    assert told == [1, 0, 0, 1, 0]


def test_failures_of_long_ago_are_no_reason_to_write(five: list[Mailbox]) -> None:
    for mailbox in five:
        fails(mailbox, NOW() - 61 * MINUTE)
    assert watch(NOW()).profile_mails == 0


@pytest.mark.parametrize("change", [{"send_email_alert": False}, {"owner_email_address": ""}, {"state_code": 1}])
def test_nobody_is_written_to_who_did_not_ask_for_it(five: list[Mailbox], change: dict[str, Any]) -> None:
    for mailbox in five:
        fails(mailbox, NOW())
    EmailServerProfile.objects.update(**change)
    assert watch(NOW()).profile_mails == 0


def test_a_silent_server_counts_for_all_its_mailboxes(company: Company, five: list[Mailbox]) -> None:
    company.sandbox.fault(face="pop3", operation="*", effect="drop")
    for mailbox in five[:3]:
        run(mailbox)
    for mailbox in five[:2]:
        works(mailbox, NOW())  # three of five would be more than half anyway
    assert watch(NOW()).profile_mails == 1
    assert "5 of 5" in mail.outbox[0].subject


def test_mail_that_cannot_be_sent_is_tried_again(five: list[Mailbox], settings: Any) -> None:
    for mailbox in five:
        fails(mailbox, NOW())
    settings.EMAIL_BACKEND = "nowhere.to.be.found"
    assert watch(NOW()).profile_mails == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert watch(NOW()).profile_mails == 1


# The dead-man alarm


def test_when_nothing_runs_for_an_hour_an_alarm_sounds_until_something_does(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    receive(alice)
    start = NOW()

    assert watch(start + 59 * MINUTE).silent == 0
    assert watch(start + 61 * MINUTE).silent == 1
    assert watch(start + 62 * MINUTE).silent == 1

    alarm = alert("nothing runs")
    assert alarm is not None
    assert (alarm.level, alarm.email_server_profile.name, alarm.occurrences) == (TraceLevel.ERROR, "POP3", 2)
    assert "manage.py work" in alarm.remedy

    run(alice, now=start + 70 * MINUTE)
    assert watch(start + 71 * MINUTE).recovered == 1
    assert watch(start + 72 * MINUTE).recovered == 0
    alarm.refresh_from_db()
    assert alarm.closed_on is not None
    again = alert("runs again")
    assert again is not None
    assert again.text == "Mailboxes of POP3 are synchronized again."


def test_the_alarm_also_sounds_if_nothing_ever_ran(company: Company) -> None:
    company.user("Alice", company.pop3_profile())
    assert watch(NOW() + 59 * MINUTE).silent == 0
    assert watch(NOW() + 61 * MINUTE).silent == 1


@pytest.mark.parametrize("how", ["off", "disabled", "skipped", "inactive mailbox", "inactive profile"])
def test_what_is_not_expected_to_run_raises_no_alarm(company: Company, how: str) -> None:
    alice = company.user("Alice", company.pop3_profile())
    receive(alice)
    if how == "off":
        set_policy(dead_man_minutes=0)
    elif how == "disabled":
        alice.legs.update(enabled=False)
    elif how == "skipped":
        alice.legs.update(skip_reason="Paused by Ada.")
    elif how == "inactive mailbox":
        Mailbox.objects.update(state_code=1)
    else:
        EmailServerProfile.objects.update(state_code=1)
    assert watch(NOW() + timedelta(days=2)).silent == 0


def test_the_alarm_sounds_even_where_errors_are_switched_off(company: Company) -> None:
    set_policy(generate_alerts_for_errors=False)
    company.user("Alice", company.pop3_profile())
    watch(NOW() + 61 * MINUTE)
    assert alert("nothing runs") is not None


# A leg has stopped


def stop_by_a_wrong_password(company: Company, mailbox: Mailbox) -> None:
    mailbox.password = Sealed.of("wrong")
    mailbox.save()
    run(mailbox)


def test_alice_is_told_once_that_her_mailbox_has_stopped(company: Company) -> None:  # 4.10
    alice = company.user("Alice", company.pop3_profile())
    stop_by_a_wrong_password(company, alice)

    told = [watch(NOW() + number * MINUTE).owner_mails for number in range(3)]

    assert told == [1, 0, 0]
    [letter] = mail.outbox
    assert letter.to == ["alice@us.test"]
    assert "Incoming email has stopped" in letter.subject
    assert "refused the user name or the password" in letter.body
    assert "Enter the credentials again" in letter.body
    assert "wrong" not in letter.body
    assert "alice@us.test was told" in TraceLog.objects.get(cause__startswith="owner told").text


def test_a_second_stop_is_told_again(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    stop_by_a_wrong_password(company, alice)
    watch(NOW())
    alice.legs.update(enabled=True, stopped_on=None)

    run(alice)

    assert watch(NOW()).owner_mails == 1
    assert leg(alice).stopped_on is not None


def test_the_owner_of_a_queue_is_told(company: Company, django_user_model: Any) -> None:
    support = company.queue("Support", company.pop3_profile())
    support.regarding_queue.owner = django_user_model.objects.create_user("olga", "olga@us.test")
    support.regarding_queue.save()
    stop_by_a_wrong_password(company, support)
    watch(NOW())
    assert [letter.to for letter in mail.outbox] == [["olga@us.test"]]


def test_a_warning_is_told_to_no_owner(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    company.sandbox.fault(face="pop3", operation="*", effect="drop")
    run(alice)
    assert watch(NOW()).owner_mails == 0


@pytest.mark.parametrize("overrides", [{"notify_mailbox_owner": False}, {"compatibility": "dynamics"}])
def test_owners_are_not_told_where_that_is_off(company: Company, overrides: dict[str, Any]) -> None:
    set_policy(**overrides)
    assert not policy_from(overrides).notify_mailbox_owner
    stop_by_a_wrong_password(company, company.user("Alice", company.pop3_profile()))
    assert watch(NOW()).owner_mails == 0
    assert mail.outbox == []


def test_an_owner_who_could_not_be_reached_is_tried_again(company: Company, settings: Any) -> None:
    stop_by_a_wrong_password(company, company.user("Alice", company.pop3_profile()))
    settings.EMAIL_BACKEND = "nowhere.to.be.found"
    assert watch(NOW()).owner_mails == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert watch(NOW()).owner_mails == 1
