"""The owner's page: how the mailbox is doing, what its owner may change, what was decided about the mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import (
    Approval,
    IncomingDeliveryMethod,
    IncomingFilter,
    LegStatus,
    Mailbox,
    Organization,
    TraceLevel,
    TraceLog,
    Trial,
)
from profiles.models import CredentialRetrieval, EmailServerProfile
from serversync.console.owner_forms import EXAMPLES
from serversync.console.plain_words import say_legs
from tests.company import Company, receive
from tests.letters import letter
from tests.serversync.console.people import PASSWORD, kept, plain_letter, row
from tests.serversync.console.roles import Office, browser
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.models import LedgerState

OWN = "/mailbox/"


@pytest.fixture
def alice(office: Office) -> Client:
    return office.browsers["alice"]


def press(client: Client, button: str, of: Mailbox, *more: Any, **fields: Any) -> str:
    """Press a button of the page and return the page that follows."""
    answer = client.post(reverse(f"owner:{button}", args=[of.pk, *more]), fields, follow=True)
    assert answer.status_code in (200, 422), answer.status_code
    return answer.content.decode()


def policy(**overrides: Any) -> None:
    Organization.objects.update_or_create(pk=1, defaults={"overrides": overrides})


def test_alice_sees_from_whom_the_mail_was_that_was_left_out(office: Office, alice: Client) -> None:
    row(office.alices, LedgerState.IGNORED, reason=1, message_id="<news@shop.test>", sender="news@shop.test")
    assert "<b>news@shop.test</b>" in alice.get(OWN).content.decode()


# (status, enabled, healing, reason) → what the page says
WORDS: list[tuple[dict[str, Any], str, str]] = [
    ({"status": LegStatus.SUCCESS, "enabled": True}, "It works.", "It runs again in 4"),
    ({"enabled": False, "status": LegStatus.NOT_RUN}, "It is not enabled yet.", "It starts after a successful test."),
    (
        {"status": LegStatus.FAILURE, "enabled": True, "failures": 3, "last_error": "It is down."},
        "The last 3 runs failed.",
        "It is tried again in 4",
    ),
    (
        {"status": LegStatus.FAILURE, "enabled": False, "last_error": "Wrong password."},
        "It has stopped after failing.",
        "Nothing happens before the cause is removed",
    ),
    (
        {"skip_reason": "The email server profile is inactive.", "enabled": True},
        "The email server profile is",
        "It runs",
    ),
    (
        {"status": LegStatus.SUCCESS, "enabled": True, "requested_on": timezone.now()},
        "It works.",
        "as soon as a worker",
    ),
]


@pytest.mark.parametrize(("columns", "state", "then"), WORDS, ids=[words[1] for words in WORDS])
def test_each_leg_says_how_it_is_and_what_happens_next(
    office: Office, columns: dict[str, Any], state: str, then: str
) -> None:
    now = timezone.now()
    office.alices.legs.update(due_on=now + timedelta(minutes=4, seconds=30), **columns)
    incoming, *_ = say_legs(office.alices, office.alices.legs.all(), now)
    assert incoming.state.startswith(state)
    assert incoming.then.startswith(then) or then in incoming.then
    assert incoming.detail == columns.get("last_error", "")


def test_the_page_shows_decisions_with_their_reason_and_troubles_with_a_way_out(office: Office, alice: Client) -> None:
    row(office.alices, LedgerState.IGNORED, reason=1, message_id="<ignored@them.test>")
    row(office.alices, LedgerState.QUARANTINED, attempts=5, error="A broken header.", message_id="<bad@them.test>")
    kept(office.alices, plain_letter("Lost"), status=EmailStatus.SENDING, delivery=DeliveryState.UNKNOWN)
    page = alice.get(OWN).content.decode()
    for words in (
        "For Alice alone",
        "It does not answer any email that is tracked, and the filter takes only responses.",
        "&lt;ignored@them.test&gt;",
        "It failed 5 times and is kept aside until somebody decides.",
        "A broken header.",
        "Lost",
        "Nobody knows whether it arrived",
    ):
        assert words in page
    assert "For Bob alone" not in page


def test_somebody_without_a_mailbox_is_told_so(office: Office) -> None:
    Mailbox.objects.filter(regarding_user=office.people["charlie"]).delete()
    assert "No mailbox is set up for you here." in office.browsers["charlie"].get(OWN).content.decode()


@pytest.mark.parametrize("takes", IncomingFilter)
def test_alice_chooses_a_filter_by_its_example(office: Office, alice: Client, takes: IncomingFilter) -> None:  # 3.15
    assert EXAMPLES[takes] in alice.get(OWN).content.decode()
    page = press(alice, "filter", office.alices, takes=takes.value)
    assert "Mail that arrives from now on is kept by this rule." in page
    office.alices.regarding_user.sync_settings.refresh_from_db()
    assert office.alices.regarding_user.sync_settings.incoming_email_filtering_method == takes
    press(alice, "filter", office.supports, takes=takes.value)
    office.supports.regarding_queue.refresh_from_db()
    assert office.supports.regarding_queue.incoming_email_filtering_method == takes


def test_a_filter_that_the_organization_has_set_for_all_leaves_alices_own_choice_alone(
    office: Office, alice: Client
) -> None:  # 5.5
    own = office.alices.regarding_user.sync_settings.incoming_email_filtering_method
    forced = {"sss_force_filtering_method_for_user_mailboxes": int(IncomingFilter.NO_MESSAGES)}
    Organization.objects.update_or_create(pk=1, defaults={"overrides": forced})
    page = alice.get(OWN).content.decode()
    assert "Your organization has set this for everybody." in page
    assert EXAMPLES[IncomingFilter.NO_MESSAGES] in page
    assert EXAMPLES[IncomingFilter.ALL_MESSAGES] not in page
    press(alice, "filter", office.alices, takes=IncomingFilter.NO_MESSAGES.value)
    office.alices.regarding_user.sync_settings.refresh_from_db()
    assert office.alices.regarding_user.sync_settings.incoming_email_filtering_method == own


def test_a_filter_that_is_hidden_is_refused_unless_it_is_chosen_already(office: Office, alice: Client) -> None:  # 5.5
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"hide_track_all_option": True}})
    assert "is not one of the available choices" in press(alice, "filter", office.alices, takes=0)
    press(alice, "filter", office.supports, takes=IncomingFilter.ALL_MESSAGES.value)
    office.supports.regarding_queue.refresh_from_db()
    assert office.supports.regarding_queue.incoming_email_filtering_method == IncomingFilter.ALL_MESSAGES


def test_a_filter_that_does_not_exist_is_refused_and_changes_nothing(office: Office, alice: Client) -> None:
    before = office.alices.regarding_user.sync_settings.incoming_email_filtering_method
    assert "is not one of the available choices" in press(alice, "filter", office.alices, takes=9)
    office.alices.regarding_user.sync_settings.refresh_from_db()
    assert office.alices.regarding_user.sync_settings.incoming_email_filtering_method == before


def credentials(**changes: str) -> dict[str, str]:
    return {"username": "alice@us.test", "allow_email_connector_to_use_credentials": "on"} | changes


def test_new_credentials_make_earlier_tests_worthless_and_the_page_says_so(office: Office, alice: Client) -> None:
    page = press(alice, "credentials", office.alices, **credentials(new_password="quite new"))
    assert "nothing runs until you press “Test and enable”" in page
    stored = Mailbox.objects.get(pk=office.alices.pk)
    assert (stored.username, stored.password.reveal()) == ("alice@us.test", "quite new")
    assert stored.allow_email_connector_to_use_credentials
    assert {(leg.enabled, leg.status) for leg in stored.legs.all()} == {(False, LegStatus.NOT_RUN)}  # 3.8


def test_saving_the_same_credentials_changes_nothing(office: Office, alice: Client) -> None:
    press(alice, "credentials", office.alices, **credentials())
    office.alices.legs.update(enabled=True, status=LegStatus.SUCCESS)
    assert "Nothing was changed." in press(alice, "credentials", office.alices, **credentials())
    assert {leg.enabled for leg in office.alices.legs.all()} == {True}
    assert Mailbox.objects.get(pk=office.alices.pk).password.reveal() == PASSWORD


def test_refused_credentials_are_explained_and_never_sent_back(office: Office, alice: Client) -> None:
    page = press(alice, "credentials", office.alices, **credentials(new_password="typed now", clear_password="on"))
    assert "not both" in page
    assert "typed now" not in page
    assert Mailbox.objects.get(pk=office.alices.pk).password.reveal() == PASSWORD


def test_where_the_profile_has_its_own_credentials_nobody_is_asked_for_any(office: Office, alice: Client) -> None:
    EmailServerProfile.objects.update(incoming_credential_retrieval=CredentialRetrieval.SPECIFIED_IN_PROFILE)
    assert "Save the credentials" not in alice.get(OWN).content.decode()
    answer = alice.post(reverse("owner:credentials", args=[office.alices.pk]), credentials(new_password="x"))
    assert answer.status_code == 403


def test_alice_never_changes_her_address(office: Office, alice: Client) -> None:
    everything = {"email_address": "boss@us.test", "email_router_access_approval": "1", "name": "Boss", "owner": "1"}
    policy(owners_may_change_methods=True)
    press(alice, "credentials", office.alices, **credentials(**everything))
    press(
        alice,
        "methods",
        office.alices,
        incoming_email_delivery_method=2,
        outgoing_email_delivery_method=2,
        **everything,
    )
    stored = Mailbox.objects.get(pk=office.alices.pk)
    assert (stored.email_address, stored.name) == ("alice@us.test", "Alice")


def test_methods_are_hers_only_by_policy(office: Office, alice: Client) -> None:
    choice = {"incoming_email_delivery_method": 0, "outgoing_email_delivery_method": 2}
    address = reverse("owner:methods", args=[office.alices.pk])
    assert alice.post(address, choice).status_code == 403
    assert "Save the methods" not in alice.get(OWN).content.decode()
    policy(owners_may_change_methods=True)
    assert "Microsoft Dynamics 365 for Outlook" not in alice.get(OWN).content.decode()
    press(alice, "methods", office.alices, **choice)
    assert Mailbox.objects.get(pk=office.alices.pk).incoming_email_delivery_method == IncomingDeliveryMethod.NONE


def test_alice_asks_for_a_test_and_sees_its_steps(office: Office, alice: Client) -> None:
    page = press(alice, "test", office.alices)
    assert "A test is under way." in page
    assert set(office.alices.trials.values_list("requested_by__username", flat=True)) == {"alice"}
    steps = [{"name": "Sign in", "ok": False, "words": "The password was refused.", "remedy": "Enter the right one."}]
    Trial.objects.update(finished_on=timezone.now(), succeeded=False, steps=steps)
    page = alice.get(OWN).content.decode()
    for words in ("Sign in", "The password was refused.", "Enter the right one.", "failed"):
        assert words in page
    assert "A test is under way." not in page


def test_alice_syncs_redoes_and_dismisses(office: Office, alice: Client) -> None:
    now = timezone.now()
    assert "It runs now." in press(alice, "sync", office.alices)
    assert office.alices.legs.filter(requested_on__isnull=False).count() == 3
    ignored = row(office.alices, LedgerState.IGNORED, reason=1)
    assert "It is judged again" in press(alice, "redo", office.alices, ignored.pk)
    ignored.refresh_from_db()
    assert ignored.state == LedgerState.PENDING
    assert "Nothing to redo" in press(alice, "redo", office.alices, ignored.pk)
    alert = TraceLog.objects.create(
        mailbox=office.alices,
        level=TraceLevel.ERROR,
        cause="x",
        text="It stopped.",
        remedy="Mend it.",
        created_on=now,
        last_occurred_on=now,
    )
    assert "Mend it." in alice.get(OWN).content.decode()
    assert "The alert was dismissed." in press(alice, "dismiss", office.alices, alert.pk)
    assert "Mend it." not in alice.get(OWN).content.decode()


def test_nothing_of_another_mailbox_is_reached_through_ones_own(office: Office, alice: Client) -> None:
    bobs_row, now = row(office.bobs, LedgerState.IGNORED, reason=1), timezone.now()
    alert = TraceLog.objects.create(
        mailbox=office.bobs, level=TraceLevel.ERROR, cause="x", text="x", created_on=now, last_occurred_on=now
    )
    for name, arguments in (("redo", [bobs_row.pk]), ("dismiss", [alert.pk])):
        assert alice.post(reverse(f"owner:{name}", args=[office.alices.pk, *arguments])).status_code == 404
        assert alice.post(reverse(f"owner:{name}", args=[office.bobs.pk, *arguments])).status_code == 404
    bobs_row.refresh_from_db()
    assert bobs_row.state == LedgerState.IGNORED


def test_a_member_of_the_queue_reads_its_page_and_has_no_buttons(office: Office) -> None:
    address = reverse("owner:queue", args=[office.supports.regarding_queue_id])
    page = office.browsers["mia"].get(address).content.decode()
    assert "For the queue" in page
    assert 'action="/mailbox/mine/' not in page
    assert "Alice, changes its settings" in page
    assert "/mailbox/mine/" in office.browsers["alice"].get(address).content.decode()


@pytest.mark.parametrize(
    ("case", "offered"),
    [
        ("by policy", True),
        ("without policy", False),
        ("impersonating", False),
        ("other address", False),
        ("rejected", False),
    ],
)
def test_alice_approves_her_own_address_only_if_everything_allows_it(office: Office, case: str, offered: bool) -> None:
    policy(self_approval=case != "without policy")
    status = Approval.REJECTED if case == "rejected" else Approval.PENDING
    Mailbox.objects.filter(pk=office.alices.pk).update(email_router_access_approval=status)
    if case == "impersonating":
        EmailServerProfile.objects.update(incoming_use_impersonation=True)
    if case == "other address":
        Mailbox.objects.filter(pk=office.alices.pk).update(email_address="somebody@us.test")
    alice = office.browsers["alice"]
    assert ("approve it</button>" in alice.get(OWN).content.decode()) is offered
    assert alice.post(reverse("owner:approve", args=[office.alices.pk])).status_code == (302 if offered else 403)
    stored = Mailbox.objects.get(pk=office.alices.pk)
    assert stored.email_router_access_approval == (Approval.APPROVED if offered else status)
    assert (stored.email_address_approved_by_id == office.alices.regarding_user_id) is offered


def test_real_mail_over_the_wire_appears_with_its_reason(company: Company) -> None:
    alices = company.user("Alice", company.pop3_profile(), takes=IncomingFilter.RESPONSES_TO_OUR_MAIL)
    company.sandbox.deliver("alice@us.test", letter("dora@them.test", "alice@us.test", "A first letter", "Hello"))
    receive(alices)
    page = browser(alices.regarding_user).get(OWN).content.decode()
    assert "the filter takes only responses" in page
    assert "A first letter" not in page  # of what is not kept, no subject is kept either (law 3)
