"""Two workers meet the same stranger at once; what people have said costs no look-up of its own (5.13, 5.15)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailboxes.models import AddressResolution, AutoCreate
from mailboxes.policy import Policy
from tracking.crm.models import Account, ActivityParty, Contact, Email, Participation
from tracking.decide.newcomers import Newcomer
from tracking.facts.people import matches_of
from tracking.keep.creating import create_senders
from tracking.keep.emails import KeptEmail

ANN = "ann@acme.test"


def kept(owner_id: str) -> KeptEmail:
    email = Email(pk=uuid4())
    party = ActivityParty(activity_id=email.pk, participation_type_mask=Participation.SENDER, address_used=ANN)
    return KeptEmail(email, None, [party], newcomer=Newcomer(AutoCreate.CONTACT, owner_id, ANN, "Ann"))


def create(*some: KeptEmail) -> int:
    with transaction.atomic():
        return len(create_senders(some, Policy(), timezone.now()))


@pytest.mark.django_db
def test_the_second_worker_takes_the_record_that_the_first_has_made() -> None:
    alice = get_user_model().objects.create_user("alice", "alice@us.test")
    first, second = kept(str(alice.pk)), kept(str(alice.pk))  # both looked before either has made her
    assert (create(first), create(second)) == (1, 0)
    ann = Contact.objects.get()
    for one in (first, second):
        assert (one.email.email_sender_id, one.parties[0].party_id) == (str(ann.pk), str(ann.pk))


@pytest.mark.django_db
def test_nobody_who_has_left_is_given_a_record() -> None:
    bob = get_user_model().objects.create_user("bob", "bob@us.test", is_active=False)
    one = kept(str(bob.pk))
    assert create(one) == 0
    assert not Contact.objects.exists()
    assert one.parties[0].party_id == ""


@pytest.mark.django_db
def test_without_strangers_the_database_is_not_asked() -> None:
    with CaptureQueriesContext(
        connection,
    ) as heard:
        assert create_senders([KeptEmail(Email(), None)], Policy(), timezone.now()) == []
    assert len(heard) == 0


@pytest.mark.django_db
def test_what_people_have_said_is_found_by_the_same_select_and_one_more_for_each_kind() -> None:
    acme = Account.objects.create(name="Acme")
    addresses = [f"{number}@acme.test" for number in range(50)]
    matches_of(addresses)  # content types are known from now on
    with CaptureQueriesContext(connection) as before:
        assert matches_of(addresses) == {}
    AddressResolution.objects.bulk_create(
        AddressResolution(
            address=address,
            record_type=ContentType.objects.get_for_model(Account),
            record_id=str(acme.pk),
            chosen_on=timezone.now(),
        )
        for address in addresses
    )
    with CaptureQueriesContext(connection) as after:
        found = matches_of(addresses)
    assert (len(before), len(after)) == (1, 2)
    assert {(match.record_id, match.kind, match.is_chosen) for (match,) in found.values()} == {
        (str(acme.pk), "account", True)
    }


@pytest.mark.django_db
def test_what_stands_for_a_record_that_is_gone_says_nothing() -> None:
    Contact.objects.create(full_name="Ann", email_address_1=ANN)
    AddressResolution.objects.create(
        address=ANN,
        record_type=ContentType.objects.get_for_model(Contact),
        record_id=str(uuid4()),
        chosen_on=timezone.now(),
    )
    (match,) = matches_of([ANN])[ANN]
    assert (match.name, match.is_chosen) == ("Ann", False)
