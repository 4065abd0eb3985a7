"""“See what would change” for owners and administrators, and the page before emails are rebuilt. Over a real server."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from mailboxes.models import IncomingFilter, Mailbox, Organization, QueueMember
from tests.company import Company, receive
from tests.letters import letter
from tests.serversync.console.roles import browser
from tests.serversync.console.test_bulk_settings import form_of
from tests.stories.test_dry_run import database
from tracking.crm.models import Email

SUBJECT = "Our quarterly numbers"
LIST = reverse("admin:crm_email_changelist")


def words(page: HttpResponse) -> str:
    return re.sub(r"\s+", " ", page.content.decode())


@pytest.fixture
def alices(company: Company) -> Mailbox:
    alices = company.user("Alice", company.pop3_profile())
    company.sandbox.deliver(
        "alice@us.test", letter("ann@acme.test", "alice@us.test", SUBJECT, "x", message_id="<n@acme.test>")
    )
    receive(alices)
    return alices


@pytest.fixture
def alice(alices: Mailbox) -> Client:
    return browser(alices.regarding_user)


@pytest.fixture
def ada(db: None) -> Client:
    """An administrator: may change everything here, and reads nobody's mail."""
    user = get_user_model().objects.create_user("ada", "ada@us.test", "x", is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    return browser(user)


def test_alice_sees_before_saving_what_she_would_lose_and_then_saves(alice: Client, alices: Mailbox) -> None:  # 5.4
    assert "See what would change" in words(alice.get(reverse("owner:own")))
    before = database()
    page = alice.post(reverse("owner:dry_run", args=[alices.pk]), {"takes": 4})
    assert database() == before
    text = words(page)
    assert "1 of 1 message on the server" in text
    assert SUBJECT in text
    assert "The filter takes all messages. → The filter takes no messages." in text
    alice.post(reverse("owner:filter", args=[alices.pk]), {"takes": 4})
    alices.regarding_user.sync_settings.refresh_from_db()
    assert alices.regarding_user.sync_settings.incoming_email_filtering_method == IncomingFilter.NO_MESSAGES


def test_charlie_does_not_learn_that_the_mailbox_exists(alices: Mailbox) -> None:
    charlie = browser(get_user_model().objects.create_user("charlie"))
    assert charlie.post(reverse("owner:dry_run", args=[alices.pk]), {"takes": 4}).status_code == 404


def test_an_administrator_sees_the_message_but_not_what_it_says(ada: Client, alices: Mailbox) -> None:
    address = reverse("console:dry_run", args=[alices.pk])
    assert "Try other rules" in words(ada.get(reverse("console:mailbox", args=[alices.pk])))
    assert "See what would change" in words(ada.get(address))
    before = database()
    text = words(ada.post(address, {"exclude": "acme.test\n", "paper_last": 10}))
    assert database() == before
    assert "&lt;n@acme.test&gt;" in text
    assert "ann@acme.test" in text
    assert "never to be tracked" in text
    assert SUBJECT not in text
    late = words(ada.post(address, {"start": "2999-01-01", "paper_last": 10}))
    assert "older than the start date" in late
    assert ada.post(address, {"paper_last": 5000}).status_code == 422


def test_settings_are_tried_out_from_the_form_and_saved_from_there(ada: Client, alices: Mailbox) -> None:  # 11
    Organization.objects.get_or_create(pk=1)
    form = reverse("admin:mailboxes_organization_change", args=[1])
    assert reverse("console:dry_run_settings") in words(ada.get(form))
    filled = {**form_of(ada, form), "sss_force_filtering_method_for_user_mailboxes": "4"}
    before = database()
    asked = ada.post(reverse("console:dry_run_settings"), filled)
    assert "Address of the mailbox" in words(asked)
    tried = ada.post(reverse("console:dry_run_settings"), {**filled, "paper_mailbox": "ALICE@us.test", "paper_last": 5})
    text = words(tried)
    assert database() == before
    assert "<dt>Tracked then</dt><dd>0 (0 more, 1 fewer)</dd>" in text
    assert "The filter takes no messages." in text

    hidden = dict(tried.context["posted"])
    assert "paper_mailbox" not in hidden
    assert ada.post(form, {**hidden, "_save": "Save"}).status_code == 302
    assert Organization.objects.get().overrides == {"sss_force_filtering_method_for_user_mailboxes": 4}


def test_settings_that_cannot_be_and_unknown_mailboxes_are_named(ada: Client, alices: Mailbox) -> None:
    Organization.objects.get_or_create(pk=1)
    filled = form_of(ada, reverse("admin:mailboxes_organization_change", args=[1]))
    wrong = ada.post(reverse("console:dry_run_settings"), {**filled, "item_attempts": "-3"})
    assert (wrong.status_code, "item_attempts" in words(wrong)) == (422, True)
    unknown = ada.post(reverse("console:dry_run_settings"), {**filled, "paper_mailbox": "no@us.test", "paper_last": 5})
    assert (unknown.status_code, "No mailbox has this address." in words(unknown)) == (422, True)


def test_the_filter_of_a_queue_is_tried_out_from_its_form(ada: Client, company: Company) -> None:  # 5.4
    support = company.queue("Support", company.pop3_profile())
    company.sandbox.deliver("support@us.test", letter("ann@acme.test", "support@us.test", SUBJECT, "x"))
    form = reverse("admin:mailboxes_queue_change", args=[support.regarding_queue_id])
    address = reverse("console:dry_run_queue", args=[support.regarding_queue_id])
    assert address in words(ada.get(form))
    filled = {**form_of(ada, form), "incoming_email_filtering_method": "1"}
    before = database()
    text = words(ada.post(address, filled))
    assert database() == before
    assert "(0 more, 1 fewer)" in text
    assert SUBJECT not in text
    user = get_user_model().objects.get(username="ada")
    QueueMember.objects.create(queue=support.regarding_queue, user=user)
    assert SUBJECT in words(ada.post(address, filled))  # now it is hers to read


def test_why_there_is_no_dry_run_is_said(alice: Client, alices: Mailbox) -> None:
    Mailbox.objects.filter(pk=alices.pk).update(email_router_access_approval=2)
    assert "The address is not approved." in words(alice.post(reverse("owner:dry_run", args=[alices.pk]), {"takes": 1}))


# Rebuilding


def test_emails_are_rebuilt_after_a_page_that_shows_what_differs(ada: Client, alices: Mailbox) -> None:
    email = Email.objects.get()
    Email.objects.update(subject="wrong words")
    ticked = {"action": "rebuild", "_selected_action": [str(email.pk)]}
    text = words(ada.post(LIST, ticked))
    assert "1 of 1 email differs" in text
    assert "What differs: subject." in text
    assert "wrong words" not in text  # it is not hers
    assert SUBJECT not in text
    assert Email.objects.get().subject == "wrong words"
    done = words(ada.post(LIST, {**ticked, "confirmed": "yes"}, follow=True))
    assert "Rebuilt: 1." in done
    assert Email.objects.get().subject == SUBJECT
    assert "All of them say what their originals say." in words(ada.post(LIST, ticked))


def test_who_owns_the_mail_sees_the_words(alices: Mailbox) -> None:
    user = alices.regarding_user
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name="administrator"))
    Email.objects.update(subject="wrong words")
    ticked = {"action": "rebuild", "_selected_action": [str(Email.objects.get().pk)]}
    text = words(browser(user).post(LIST, ticked))
    assert "wrong words" in text
    assert SUBJECT in text
