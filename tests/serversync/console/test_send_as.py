"""Who may send in whose name, and who wants no email: the switches, and who may turn them (7.5, 7.7)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from mailboxes.models import UserSettings
from profiles import history
from tests.serversync.console.roles import Office
from tracking.crm.models import Account, Contact, Email, Lead
from tracking.crm.sending_rights import senders_for


def test_alice_lets_others_send_in_her_name_and_takes_it_back(office: Office) -> None:  # 7.5
    alice, address = office.browsers["alice"], reverse("owner:send_as", args=[office.alices.pk])
    administrator = type(office.people["administrator"]).objects.get(username="administrator")
    assert "Others may send email as me" in alice.get(reverse("owner:own")).content.decode()
    assert office.alices not in [one.mailbox for one in senders_for(administrator)]

    answer = alice.post(address, {"is_send_as_allowed": "on"}, follow=True)
    assert "From now on others with the permission may send email as you." in answer.content.decode()
    assert office.alices in [one.mailbox for one in senders_for(administrator)]
    answer = alice.post(address, {}, follow=True)
    assert "From now on nobody else sends email as you." in answer.content.decode()
    assert office.alices not in [one.mailbox for one in senders_for(administrator)]

    entries = history.entries_of(UserSettings, str(office.people["alice"].pk))
    changes = [
        (history.who(entry), line.label, line.before, line.after) for entry in entries for line in history.lines(entry)
    ]
    assert changes[:2] == [
        ("alice", "Others may send as me", "yes", "no"),
        ("alice", "Others may send as me", "no", "yes"),
    ]


def test_nobody_agrees_for_somebody_else(office: Office) -> None:  # 7.5
    for who in ("charlie", "mia", "administrator"):
        answer = office.browsers[who].post(
            reverse("owner:send_as", args=[office.bobs.pk]), {"is_send_as_allowed": "on"}
        )
        assert answer.status_code == 404
    settings = UserSettings.objects.get(user=office.bobs.regarding_user)
    form = {"user": settings.pk, "incoming_email_filtering_method": 1, "auto_create_contact_on_promote": 0}
    page = reverse("admin:mailboxes_usersettings_change", args=[settings.pk])
    office.browsers["administrator"].post(page, form | {"time_zone": "UTC", "is_send_as_allowed": "on"})
    settings.refresh_from_db()
    assert not settings.is_send_as_allowed


def test_administrators_have_the_permission_and_auditors_do_not(office: Office) -> None:  # 7.5
    held = {group.name: group.permissions.filter(codename="send_as_others").exists() for group in Group.objects.all()}
    assert held == {"administrator": True, "approver": False, "auditor": False, "mailbox owner": False}


@pytest.mark.parametrize(
    ("model", "name"), [(Contact, "full_name"), (Account, "name"), (Lead, "full_name")], ids=lambda value: str(value)
)
def test_who_wants_no_email_is_said_in_the_record(office: Office, model, name: str) -> None:  # 7.7
    record = model.objects.create(**{name: "Ann"}, email_address_1="ann@acme.test")
    address, administrator = f"admin:crm_{model._meta.model_name}", office.browsers["administrator"]
    page = reverse(f"{address}_change", args=[record.pk])
    assert "Do not allow email" in administrator.get(page).content.decode()
    form = {name: "Ann", "email_address_1": "ann@acme.test", "state_code": 0, "do_not_email": "on"}
    assert administrator.post(page, form).status_code == 302
    record.refresh_from_db()
    assert record.do_not_email
    found = administrator.get(reverse(f"{address}_changelist"), {"do_not_email__exact": "1"})
    assert found.context["cl"].result_count == 1


def test_the_page_of_an_email_says_who_sent_it_and_in_whose_name(office: Office) -> None:  # 7.5, 7.6
    sent = {"direction_code": True, "submitted_on": office.to_alice.created_on}
    Email.objects.filter(pk=office.to_alice.pk).update(
        represents=office.bobs, submitted_by=office.people["alice"], **sent
    )
    for browser, page in (("alice", "owner:email"), ("superuser", "console:email")):
        text = office.browsers[browser].get(reverse(page, args=[office.to_alice.pk])).content.decode()
        assert "<dt>In the name of</dt><dd>Bob</dd>" in text
        assert "<dt>Sent by</dt><dd>Alice, " in text
