"""The page "Who is this?": who may say it, what may be chosen, what is made; and the list where it is taken back (5.13)."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from mailboxes.models import AddressResolution, AutoCreate, UserSettings
from tests.serversync.console.roles import Office
from tracking.crm.models import ActivityParty, Contact, DomainEvent, Email, Lead, Participation


def sender(email: Email) -> ActivityParty:
    return ActivityParty.objects.get(activity_id=email.pk, participation_type_mask=Participation.SENDER)


def page_of(email: Email, frame: str = "owner") -> str:
    return reverse(f"{frame}:who", args=[email.pk, sender(email).pk])


def test_alice_searches_for_dora_and_says_it_is_her(office: Office) -> None:
    alice = office.browsers["alice"]
    dora = Contact.objects.create(full_name="Dora Dean", owner=office.people["alice"])
    Contact.objects.create(full_name="Dora of Bob", owner=office.bobs.regarding_user)
    link = reverse("owner:email", args=[office.to_alice.pk])
    assert page_of(office.to_alice) in alice.get(link).content.decode()

    kind = str(ContentType.objects.get_for_model(Contact).pk)
    shown = alice.get(page_of(office.to_alice), {"kind": kind, "name": "dora"}).content.decode()
    assert "Dora Dean" in shown
    assert "Dora of Bob" not in shown

    answer = alice.post(page_of(office.to_alice), {"kind": kind, "record": str(dora.pk)}, follow=True)
    assert "dora@them.test is Dora Dean. 2 other emails were set as well." in answer.content.decode()
    assert {sender(one).party for one in (office.to_alice, office.to_bob, office.to_support)} == {dora}
    assert AddressResolution.objects.get().chosen_by == office.people["alice"]
    assert page_of(office.to_alice) not in alice.get(link).content.decode()


def test_nobody_chooses_a_record_that_is_not_theirs_to_see(office: Office) -> None:
    other = Contact.objects.create(full_name="Dora of Bob", owner=office.bobs.regarding_user)
    kind = str(ContentType.objects.get_for_model(Contact).pk)
    answer = office.browsers["alice"].post(page_of(office.to_alice), {"kind": kind, "record": str(other.pk)})
    assert answer.status_code == 404
    assert sender(office.to_alice).party is None


def test_passwords_are_no_text_to_search_in(office: Office) -> None:
    person = office.people["charlie"]
    person.set_password("x")
    person.save()
    kind = str(ContentType.objects.get_for_model(person).pk)
    root, page = office.browsers["superuser"], page_of(office.to_support, "console")
    assert list(root.get(page, {"kind": kind, "name": person.password[:12]}).context["records"]) == []
    assert person in root.get(page, {"kind": kind, "name": "charlie"}).context["records"]
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    assert person not in root.get(page, {"kind": kind, "name": "charlie"}).context["records"]


@pytest.mark.parametrize(("what", "model"), [("contact", Contact), ("lead", Lead)])
def test_alice_makes_a_record_of_a_sender(office: Office, what: str, model: type[Contact] | type[Lead]) -> None:
    office.browsers["alice"].post(page_of(office.to_alice), {"create": what})
    made = model.objects.get()
    assert (made.email_address_1, made.owner) == ("dora@them.test", office.people["alice"])
    assert sender(office.to_alice).party == made
    assert DomainEvent.objects.get(kind="record.created").subject_id == str(made.pk)


def test_what_is_neither_chosen_nor_possible_changes_nothing(office: Office) -> None:
    alice = office.browsers["alice"]
    answer = alice.post(page_of(office.to_alice), {}, follow=True)
    assert "Choose a record first. Nothing was changed." in answer.content.decode()
    assert alice.post(page_of(office.to_alice), {"create": "account"}).status_code == 403
    assert alice.post(page_of(office.to_bob), {"create": "contact"}).status_code == 404
    stranger = reverse("owner:who", args=[office.to_alice.pk, sender(office.to_bob).pk])
    assert alice.get(stranger).status_code == 404
    assert not Contact.objects.exists()
    assert not AddressResolution.objects.exists()


def test_an_administrator_takes_back_what_was_said(office: Office) -> None:
    office.browsers["alice"].post(page_of(office.to_alice), {"create": "contact"})
    said = AddressResolution.objects.get()
    root = office.browsers["superuser"]
    assert "dora@them.test" in root.get(reverse("admin:mailboxes_addressresolution_changelist")).content.decode()
    root.post(reverse("admin:mailboxes_addressresolution_delete", args=[said.pk]), {"post": "yes"})
    assert not AddressResolution.objects.exists()
    assert sender(office.to_alice).party is not None  # what was set stays


def test_alice_chooses_what_becomes_of_unknown_senders(office: Office) -> None:
    alice, settings = office.browsers["alice"], UserSettings.objects.get(user=office.people["alice"])
    assert settings.auto_create_contact_on_promote == AutoCreate.NOTHING
    address = reverse("owner:newcomers", args=[office.alices.pk])
    assert alice.post(address, {"becomes": "7"}).status_code == 422
    alice.post(address, {"becomes": str(int(AutoCreate.LEAD))})
    settings.refresh_from_db()
    assert settings.auto_create_contact_on_promote == AutoCreate.LEAD
    assert "It also counts for the queues that you own." in alice.get(reverse("owner:own")).content.decode()
