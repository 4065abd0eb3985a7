"""Defaults, a profile or methods for many mailboxes: a page asks first, and says what was left untouched (3.2, 1.2, 3.8)."""

from __future__ import annotations

import re

import pytest
from django.forms import MultiWidget
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization, Queue, Trial
from profiles.models import EmailServerProfile, ServerType
from tests.serversync.console.people import mailbox, profile
from tests.serversync.console.roles import Office, open_office

LIST = reverse("admin:mailboxes_mailbox_changelist")


def ask(client: Client, action: str, *mailboxes: Mailbox, **answer: str) -> str:
    """Tick the mailboxes and choose the action; with an answer, the page that asks is confirmed."""
    ticked = [str(one.pk) for one in mailboxes]
    filled = {"confirmed": "yes", **answer} if answer else {}
    page = client.post(LIST, {"action": action, "_selected_action": ticked, **filled}, follow=True)
    return re.sub(r"\s+", " ", page.content.decode())


def enabled(of: Mailbox) -> set[int]:
    return set(of.legs.filter(enabled=True).values_list("leg", flat=True))


@pytest.fixture
def exchange(db: None) -> EmailServerProfile:
    return EmailServerProfile.objects.create(
        name="Exchange", server_type=ServerType.EXCHANGE_SERVER, incoming_server_location="ews.us.test"
    )


@pytest.fixture
def defaults(exchange: EmailServerProfile) -> EmailServerProfile:
    """The organization's default: everything through Exchange."""
    methods = {f"default_{way}_delivery_method": 2 for way in ("incoming_email", "outgoing_email")}
    Organization.objects.create(
        default_email_server_profile=exchange, overrides={**methods, "default_act_delivery_method": 1}
    )
    return exchange


def test_applying_the_defaults_asks_first_and_offers_the_test_ticked(alice: Client, defaults) -> None:
    bobs = mailbox("Bob", profile())
    page = ask(alice, "apply_defaults", bobs)
    assert "Apply default email settings to 1 mailbox?" in page
    assert re.search(r'<input type="checkbox" name="test"[^>]* checked', page)
    assert "Exchange" in page
    assert Mailbox.objects.get(pk=bobs.pk).email_server_profile.name == "Headquarters"


def test_applied_defaults_are_tested_and_enabled_unless_unticked(alice: Client, defaults) -> None:
    bobs, charlies = mailbox("Bob", profile("POP3")), mailbox("Charlie", EmailServerProfile.objects.get(name="POP3"))

    assert "1 mailboxes were changed" in ask(alice, "apply_defaults", charlies, test="")
    assert not Trial.objects.exists()
    assert enabled(charlies) == set()

    page = ask(alice, "apply_defaults", bobs, charlies, test="on")
    assert "1 mailboxes were changed" in page
    assert "6 tests were asked for" in page
    assert {trial.requested_by.username for trial in Trial.objects.all()} == {"ada"}
    bobs = Mailbox.objects.get(pk=bobs.pk)
    assert (bobs.email_server_profile, bobs.act_delivery_method) == (defaults, 1)


def test_who_may_not_test_is_not_offered_it(defaults) -> None:
    office: Office = open_office()
    role = office.people["administrator"].groups.get()
    role.permissions.remove(*role.permissions.filter(codename="test_mailbox"))
    assert 'name="test"' not in ask(office.browsers["administrator"], "apply_defaults", office.bobs)
    ask(office.browsers["administrator"], "apply_defaults", office.bobs, test="on")
    assert not Trial.objects.exists()


def test_a_profile_that_does_not_suit_leaves_the_mailbox_untouched_and_says_why(alice: Client, exchange) -> None:
    lines = profile("POP3")
    bobs, charlies = mailbox("Bob", exchange), mailbox("Charlie", exchange)
    Mailbox.objects.filter(pk=bobs.pk).update(act_delivery_method=1)

    page = ask(alice, "set_profile", bobs, charlies, profile=str(lines.pk))

    assert "1 mailboxes were changed" in page
    assert "1 mailbox was left as it was" in page
    assert "set them to None, or choose an Exchange profile" in page
    assert Mailbox.objects.get(pk=bobs.pk).email_server_profile == exchange
    assert Mailbox.objects.get(pk=charlies.pk).email_server_profile == lines
    assert (enabled(bobs), enabled(charlies)) == ({0, 1, 2}, set())


def test_an_inactive_profile_cannot_be_chosen(alice: Client, exchange) -> None:
    bobs = mailbox("Bob", profile())
    EmailServerProfile.objects.filter(pk=exchange.pk).update(state_code=1)
    assert "Select a valid choice" in ask(alice, "set_profile", bobs, profile=str(exchange.pk))
    assert Mailbox.objects.get(pk=bobs.pk).email_server_profile.name == "Headquarters"


def test_methods_are_set_only_where_the_table_allows_them(alice: Client, exchange) -> None:
    bobs = mailbox("Bob", exchange)
    support = Queue.objects.create(name="Support", email_address="support@us.test").mailbox

    page = ask(alice, "set_methods", bobs, support, act_delivery_method="1")

    assert "A queue has no appointments, contacts and tasks: set them to None." in page
    assert Mailbox.objects.get(pk=bobs.pk).act_delivery_method == 1
    assert Mailbox.objects.get(pk=support.pk).act_delivery_method == 2
    assert enabled(bobs) == {Leg.INCOMING, Leg.OUTGOING}  # 3.8: only what changed is tested again


def test_setting_no_method_at_all_is_asked_again(alice: Client, exchange) -> None:
    bobs = mailbox("Bob", exchange)
    page = ask(alice, "set_methods", bobs, incoming_email_delivery_method="")
    assert "Choose a method for at least one direction." in page
    assert enabled(bobs) == {0, 1, 2}


def test_forwarding_without_a_forward_mailbox_is_said(alice: Client, exchange) -> None:  # 1.6
    page = ask(alice, "set_methods", mailbox("Bob", exchange), incoming_email_delivery_method="3")
    assert "through a forward mailbox, and there is none" in page


def test_all_mailboxes_of_a_filtered_list_are_meant_when_all_are_chosen(alice: Client, exchange) -> None:  # 2.15
    headquarters = profile()
    for number in range(60):  # more than a page
        mailbox(f"Person{number:02}", headquarters)
    bobs = mailbox("Bob", headquarters)
    one = Mailbox.objects.filter(name="Person00").get()
    chosen = {"action": "set_profile", "_selected_action": [str(one.pk)], "select_across": "1"}
    page = alice.post(f"{LIST}?q=person", chosen).content.decode()
    assert "of 60 mailboxes?" in page
    assert "and 40 more" in page
    assert f'action="{LIST}?q=person"' in page
    alice.post(f"{LIST}?q=person", {**chosen, "confirmed": "yes", "profile": str(exchange.pk)})
    assert Mailbox.objects.filter(email_server_profile=exchange).count() == 60
    assert Mailbox.objects.get(pk=bobs.pk).email_server_profile == headquarters


@pytest.mark.parametrize("action", ["apply_defaults", "set_profile", "set_methods"])
def test_who_may_only_look_changes_nothing(action: str, exchange) -> None:
    office = open_office()
    ask(office.browsers["auditor"], action, office.bobs, profile=str(exchange.pk), act_delivery_method="1", test="on")
    bobs = Mailbox.objects.get(pk=office.bobs.pk)
    assert (bobs.email_server_profile.name, bobs.act_delivery_method) == ("Headquarters", 2)
    assert MailboxLeg.objects.filter(mailbox=bobs, enabled=True).count() == 3


def form_of(client: Client, address: str) -> dict[str, str]:
    """What a browser would send back of a change form that nobody has touched."""
    context = client.get(address).context
    sent = {}
    for form in [
        context["adminform"].form,
        *(one for inline in context["inline_admin_formsets"] for one in inline.formset),
    ]:
        for field in form:
            value, widget = field.value(), field.field.widget
            if isinstance(widget, MultiWidget):
                parts = widget.decompress(timezone.localtime(value)) if value else []
                sent |= {f"{field.html_name}_{number}": part for number, part in enumerate(parts)}
            elif value is not None and value is not False:
                sent[field.html_name] = value
    for inline in context["inline_admin_formsets"]:
        sent |= {field.html_name: field.value() for field in inline.formset.management_form}
    return sent


def test_the_form_of_one_mailbox_says_which_column_does_not_fit(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    address = reverse("admin:mailboxes_mailbox_change", args=[bobs.pk])
    answer = alice.post(address, {**form_of(alice, address), "act_delivery_method": "1"})
    assert answer.context["adminform"].form.errors["act_delivery_method"] == [
        "Appointments, contacts and tasks are synchronized with Exchange only: "
        "set them to None, or choose an Exchange profile."
    ]


def test_a_method_changed_in_the_form_is_tested_again(alice: Client) -> None:  # 3.8
    bobs = mailbox("Bob", profile())
    address = reverse("admin:mailboxes_mailbox_change", args=[bobs.pk])
    sent = form_of(alice, address)
    assert alice.post(address, {**sent, "name": "Robert"}).status_code == 302
    assert enabled(bobs) == {0, 1, 2}
    page = alice.post(address, {**sent, "outgoing_email_delivery_method": "0"}, follow=True).content.decode()
    assert "has to be tested before it runs again" in page
    assert enabled(bobs) == {Leg.INCOMING, Leg.ACT}
