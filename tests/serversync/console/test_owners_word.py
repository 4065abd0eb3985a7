"""The buttons of the owner's word: never track, untrack, track now; for owners, for staff, on the command line (law 12)."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Mailbox, QueueItem
from tests.serversync.console.roles import Office, tracked
from tracking.crm.models import Email
from tracking.keep import exclusions
from tracking.models import Explicit, LedgerRow, LedgerState, Placement, TrackingExclusion
from tracking.models.exclusions import ExclusionKind


@pytest.fixture
def alice(office: Office) -> Client:
    return office.browsers["alice"]


def press(client: Client, button: str, *where: Any, **fields: Any) -> str:
    answer = client.post(reverse(button, args=where), fields, follow=True)
    assert answer.status_code in (200, 422), answer.status_code
    return answer.content.decode()


def excluded(mailbox: Mailbox | None) -> set[str]:
    return set(TrackingExclusion.objects.filter(mailbox=mailbox).values_list("value", flat=True))


def state(email: Email) -> set[int]:
    return set(LedgerRow.objects.filter(message_id=email.message_id).values_list("state", flat=True))


# Never track


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (ExclusionKind.ADDRESS, " Dora@Them.test ", "dora@them.test"),
        (ExclusionKind.ADDRESS, "<dora@them.test>", "dora@them.test"),
        (ExclusionKind.DOMAIN, "@Shop.Them.test", "shop.them.test"),
        (ExclusionKind.DOMAIN, "*.them.test", "them.test"),
        (ExclusionKind.THREAD, "<First@them.test>", "<first@them.test>"),
    ],
)
def test_alice_excludes_what_she_writes(office: Office, alice: Client, kind: int, value: str, stored: str) -> None:
    press(alice, "owner:never", office.alices.pk, kind=int(kind), value=value)
    assert excluded(office.alices) == {stored}
    assert (
        f'<strong class="ss-id">{stored.replace("<", "&lt;").replace(">", "&gt;")}'
        in alice.get("/mailbox/").content.decode()
    )


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (ExclusionKind.ADDRESS, "dora", "Write a whole address"),
        (ExclusionKind.ADDRESS, "dora@a b", "Write a whole address"),
        (ExclusionKind.DOMAIN, "test", "Write a domain in full"),
        (ExclusionKind.DOMAIN, "dora@them.test", "Write a domain in full"),
        (ExclusionKind.THREAD, "our talk last week", "Write the Message-ID"),
        (ExclusionKind.ADDRESS, "", "This field is required"),
    ],
)
def test_what_is_no_address_is_refused_beside_the_field(
    office: Office, alice: Client, kind: int, value: str, sentence: str
) -> None:
    answer = alice.post(reverse("owner:never", args=[office.alices.pk]), {"kind": int(kind), "value": value})
    assert answer.status_code == 422
    assert sentence in str(answer.context["never_form"].errors["value"])
    assert excluded(office.alices) == set()


def test_an_exclusion_asks_what_becomes_of_mail_that_is_tracked_already(office: Office, alice: Client) -> None:
    page = press(alice, "owner:never", office.alices.pk, kind=1, value="them.test")
    assert "1 message" in page
    assert state(office.to_alice) == {LedgerState.TRACKED}  # asked, not done
    made = TrackingExclusion.objects.get(mailbox=office.alices)

    page = press(alice, "owner:exclusion", office.alices.pk, made.pk, do="untrack")

    assert "1 message was untracked" in page
    assert not Email.objects.filter(pk=office.to_alice.pk).exists()
    assert Email.objects.filter(pk=office.to_bob.pk).exists()


def test_lifting_an_exclusion_changes_nothing_that_was_decided(office: Office, alice: Client) -> None:
    (made,) = exclusions.add(office.alices, ExclusionKind.DOMAIN, "them.test", None, timezone.now())
    before = list(LedgerRow.objects.values_list("pk", "state"))
    page = press(alice, "owner:exclusion", office.alices.pk, made.pk, do="lift")
    assert "can be tracked" not in page
    assert "takes in a single message" in page
    assert excluded(office.alices) == set()
    assert list(LedgerRow.objects.values_list("pk", "state")) == before


@pytest.mark.parametrize(
    ("what", "stored"),
    [("sender", {"dora@them.test"}), ("domain", {"them.test"})],
)
def test_the_page_of_an_email_excludes_its_sender(office: Office, alice: Client, what: str, stored: set[str]) -> None:
    press(alice, "owner:never", office.alices.pk, email=str(office.to_alice.pk), what=what)
    assert excluded(office.alices) == stored


def test_a_conversation_is_excluded_by_all_its_names_and_lifted_as_one(office: Office, alice: Client) -> None:
    email = office.to_alice
    press(alice, "owner:never", office.alices.pk, email=str(email.pk), what="conversation")
    assert excluded(office.alices) == {str(email.pk), email.message_id.lower()}
    page = alice.get("/mailbox/")
    (line,) = page.context["exclusions"]
    assert line.value == email.message_id.lower()
    press(alice, "owner:exclusion", office.alices.pk, line.pk, do="lift")
    assert excluded(office.alices) == set()


def test_nobody_excludes_by_an_email_that_is_not_theirs(office: Office, alice: Client) -> None:
    fields = {"email": str(office.to_bob.pk), "what": "sender"}
    assert alice.post(reverse("owner:never", args=[office.alices.pk]), fields).status_code == 404
    theirs = exclusions.add(office.bobs, ExclusionKind.DOMAIN, "them.test", None, timezone.now())[0]
    assert alice.post(reverse("owner:exclusion", args=[office.alices.pk, theirs.pk])).status_code == 404


# Untrack and track now


def test_alice_untracks_an_email_after_a_page_that_says_what_it_means(office: Office, alice: Client) -> None:
    address = reverse("owner:untrack", args=[office.to_alice.pk])
    assert address in alice.get(reverse("owner:email", args=[office.to_alice.pk])).content.decode()
    assert "Untrack this email" in alice.get(address).content.decode()
    assert state(office.to_alice) == {LedgerState.TRACKED}

    page = press(alice, "owner:untrack", office.to_alice.pk, scope="email")

    assert "1 message was untracked" in page
    assert state(office.to_alice) == {LedgerState.IGNORED}


def test_a_conversation_goes_as_far_as_it_is_alices(office: Office, alice: Client) -> None:
    second = tracked(office.alices, "Again")
    Email.objects.filter(pk__in=[second.pk, office.to_bob.pk]).update(conversation_tracking_id=office.to_alice.pk)
    page = alice.get(reverse("owner:untrack", args=[office.to_alice.pk])).content.decode()
    assert "Untrack the conversation: 2 messages" in page

    press(alice, "owner:untrack", office.to_alice.pk, scope="conversation")

    assert set(Email.objects.values_list("pk", flat=True)) == {office.to_bob.pk, office.to_support.pk}


def test_a_queue_lets_go_of_its_work_with_the_email(office: Office, alice: Client) -> None:
    kind = office.to_support.parties.all()[0].activity_type
    QueueItem.objects.create(
        queue=office.supports.regarding_queue,
        object_type=kind,
        object_id=str(office.to_support.pk),
        entered_on=timezone.now(),
    )
    press(alice, "owner:untrack", office.to_support.pk, scope="email")
    assert not QueueItem.objects.exists()


def test_untracking_since_a_day_names_the_number_first(office: Office, alice: Client) -> None:  # law 9
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    page = press(alice, "owner:untrack_since", office.alices.pk, day=day)
    assert "1 tracked message" in page
    assert state(office.to_alice) == {LedgerState.TRACKED}
    press(alice, "owner:untrack_since", office.alices.pk, day=day, do="untrack")
    assert state(office.to_alice) == {LedgerState.IGNORED}
    assert state(office.to_bob) == {LedgerState.TRACKED}


def test_a_day_that_is_none_is_refused(office: Office, alice: Client) -> None:
    answer = alice.post(reverse("owner:untrack_since", args=[office.alices.pk]), {"day": "soon", "do": "untrack"})
    assert answer.status_code == 422
    assert "day" in answer.context["since_form"].errors


def test_alice_tracks_what_was_left_out_of_her_queue(office: Office, alice: Client) -> None:
    assert "Track now" in alice.get(reverse("owner:queue", args=[office.supports.regarding_queue_id])).content.decode()
    press(alice, "owner:track", office.supports.pk, office.ignored.pk)
    office.ignored.refresh_from_db()
    assert (office.ignored.state, office.ignored.explicit) == (LedgerState.PENDING, Explicit.PERSON)
    assert office.ignored.explicit_by == office.people["alice"]


def test_alice_tracks_it_on_the_page_that_answers_why(office: Office, alice: Client) -> None:
    answer = reverse("owner:explain", args=[office.supports.pk, office.ignored.pk])
    button = f'action="{reverse("owner:track", args=[office.supports.pk, office.ignored.pk])}"'
    assert button in alice.get(answer).content.decode()
    assert button not in office.browsers["mia"].get(answer).content.decode()  # she works there, and does not own it
    track = reverse("owner:track", args=[office.supports.pk, office.ignored.pk])
    followed = alice.post(track, headers={"referer": f"http://testserver{answer}"}, follow=True)
    assert followed.request["PATH_INFO"] == answer
    assert "A person asked to track it: it is fetched and tracked at the next run." in followed.content.decode()
    assert button not in followed.content.decode()


def test_alice_is_told_that_the_server_has_it_no_more(office: Office, alice: Client) -> None:
    Placement.objects.filter(ledger_row=office.ignored).update(gone_on=timezone.now())
    assert "shows this message no more" in press(alice, "owner:track", office.supports.pk, office.ignored.pk)


# Staff


def test_staff_untracks_many_but_only_what_it_may_read(office: Office) -> None:
    root, emails = office.browsers["superuser"], (office.to_alice, office.to_bob)
    Email.objects.filter(pk=office.to_bob.pk).update(is_private=True)
    fields = {"action": "untrack", "_selected_action": [str(one.pk) for one in emails]}
    page = root.post("/crm/email/", fields).content.decode()
    assert "Untrack 1 message?" in page
    assert "1 of the chosen emails is not yours to read" in page
    assert state(office.to_alice) == {LedgerState.TRACKED}

    root.post("/crm/email/", fields | {"confirmed": "yes"})

    assert state(office.to_alice) == {LedgerState.IGNORED}
    assert state(office.to_bob) == {LedgerState.TRACKED}


def test_staff_untracks_one_email_out_of_every_mailbox(office: Office) -> None:
    page = press(office.browsers["superuser"], "console:untrack", office.to_bob.pk, scope="email")
    assert "1 message was untracked" in page
    assert state(office.to_bob) == {LedgerState.IGNORED}


def test_staff_tracks_many_rows_now(office: Office) -> None:
    fields = {"action": "track", "_selected_action": [str(office.ignored.pk)]}
    office.browsers["administrator"].post("/tracking/ledgerrow/", fields)
    office.ignored.refresh_from_db()
    assert office.ignored.state == LedgerState.PENDING


def test_the_organization_excludes_for_everybody_and_sees_no_personal_exclusion(office: Office) -> None:
    exclusions.add(office.alices, ExclusionKind.DOMAIN, "dentist.test", None, timezone.now())
    administrator = office.browsers["administrator"]
    refused = administrator.post("/tracking/trackingexclusion/add/", {"kind": 1, "value": "them"})
    assert "Write a domain in full" in refused.content.decode()
    page = administrator.post("/tracking/trackingexclusion/add/", {"kind": 1, "value": "@Them.test"}, follow=True)
    assert excluded(None) == {"them.test"}
    assert "3 messages that are tracked already match" in page.content.decode()
    assert "dentist.test" not in page.content.decode()
    again = administrator.post("/tracking/trackingexclusion/add/", {"kind": 1, "value": "them.test"})
    assert "It is excluded already." in again.content.decode()


# The command line


def test_an_operator_untracks_and_tracks(office: Office) -> None:
    said, email = StringIO(), office.to_alice
    bare = email.message_id.strip("<>")
    call_command("untrack", bare, "--mailbox", office.alices.email_address, stdout=said)
    assert state(email) == {LedgerState.IGNORED}
    call_command("track", email.message_id, "--mailbox", office.alices.email_address, stdout=said)
    assert state(email) == {LedgerState.PENDING}
    assert said.getvalue().splitlines() == ["Untracked.", "It is tracked at the next run."]


@pytest.mark.parametrize(
    ("message_id", "mailbox", "sentence"),
    [("<x@y>", "nobody@us.test", "no mailbox"), ("<x@y>", "alice@us.test", "has not seen")],
)
def test_an_operator_learns_what_does_not_exist(office: Office, message_id: str, mailbox: str, sentence: str) -> None:
    for command in ("track", "untrack"):
        with pytest.raises(CommandError, match=sentence):
            call_command(command, message_id, "--mailbox", mailbox)
