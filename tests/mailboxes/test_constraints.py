"""What the database itself refuses (1.2, 1.3, 3.2 of the entity model)."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from mailboxes import addresses
from mailboxes.models import AddressEntry, Leg, Mailbox, MailboxLeg, Organization, Queue, QueueItem
from profiles.connectors.mime import Address
from tracking.crm.models import Contact, Email
from tracking.crm.models.states import EMAIL_PAIRS, ActivityState, EmailStatus
from tracking.crm.writing import NewEmail, write_draft

pytestmark = pytest.mark.django_db


def refused(action) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        action()


@pytest.fixture
def alice():
    return get_user_model().objects.create_user("alice", "alice@us.test")


@pytest.fixture
def support():
    return Queue.objects.create(name="Support", email_address="support@us.test")


def test_a_user_and_a_queue_get_one_mailbox_with_three_legs_each(alice, support) -> None:  # 3.1
    for mailbox in (alice.mailbox, support.mailbox):
        assert {leg.leg for leg in mailbox.legs.all()} == set(Leg)
        assert not any(leg.enabled for leg in mailbox.legs.all())
    assert alice.mailbox.email_address == "alice@us.test"
    alice.save()
    assert Mailbox.objects.count() == 2


def test_a_second_mailbox_for_the_same_user_or_queue_is_refused(alice, support) -> None:  # 1.3
    refused(lambda: Mailbox.objects.create(name="x", regarding_user=alice))
    refused(lambda: Mailbox.objects.create(name="x", regarding_queue=support))


def test_the_same_address_twice_is_refused_whatever_its_case(alice, support) -> None:  # 1.3
    refused(lambda: Mailbox.objects.filter(pk=support.mailbox.pk).update(email_address="ALICE@us.test"))


def test_a_new_user_with_a_taken_address_gets_a_mailbox_without_it(alice) -> None:
    twin = get_user_model().objects.create_user("twin", "Alice@us.test")
    assert twin.mailbox.email_address == ""


def test_a_forward_mailbox_belongs_to_nobody_and_only_receives(alice) -> None:  # 1.2, 1.5
    Mailbox.objects.create(name="Forward", email_address="forward@us.test", is_forward_mailbox=True)
    refused(lambda: Mailbox.objects.create(name="x", is_forward_mailbox=False))
    refused(lambda: Mailbox.objects.filter(regarding_user=alice).update(is_forward_mailbox=True))
    refused(lambda: Mailbox.objects.create(name="x", is_forward_mailbox=True, outgoing_email_delivery_method=2))
    refused(lambda: Mailbox.objects.create(name="x", is_forward_mailbox=True, act_delivery_method=1))


def test_a_users_mailbox_never_deletes_mail(alice, support) -> None:  # 1.2
    refused(lambda: Mailbox.objects.filter(regarding_user=alice).update(process_and_delete_emails=True))
    assert Mailbox.objects.filter(regarding_queue=support).update(process_and_delete_emails=True) == 1


def test_the_form_says_what_to_change(alice) -> None:
    alice.mailbox.process_and_delete_emails = True
    with pytest.raises(ValidationError, match="only in queue and forward mailboxes"):
        alice.mailbox.full_clean()


def test_one_leg_of_each_kind(alice) -> None:
    refused(lambda: MailboxLeg.objects.create(mailbox=alice.mailbox, leg=Leg.INCOMING))


def draft(alice) -> Email:
    return write_draft(NewEmail(alice.mailbox, [Address("", "ann@acme.test")], "x", text="x"), timezone.now())


@pytest.mark.parametrize("status", list(EmailStatus))
@pytest.mark.parametrize("state", list(ActivityState))
def test_state_and_status_of_an_email_fit_or_are_refused(alice, state, status) -> None:
    email = draft(alice)

    def change() -> None:
        Email.objects.filter(pk=email.pk).update(state_code=state, status_code=status)

    if status in EMAIL_PAIRS.get(state, ()):
        change()
    else:
        refused(change)


def test_the_same_message_twice_in_one_direction_is_refused(alice) -> None:  # 5.10
    one, two = draft(alice), draft(alice)
    guard = uuid.uuid4()
    Email.objects.filter(pk=one.pk).update(message_id_dup_check=guard)
    refused(lambda: Email.objects.filter(pk=two.pk).update(message_id_dup_check=guard))


def test_a_record_waits_once_in_a_queue(alice, support) -> None:  # 5.18
    email = draft(alice)
    QueueItem.objects.create(queue=support, object=email, entered_on=timezone.now())
    refused(lambda: QueueItem.objects.create(queue=support, object=email, entered_on=timezone.now()))


def test_there_is_one_organization_and_it_names_what_it_does_not_know() -> None:
    refused(lambda: Organization.objects.create(id=2))
    with pytest.raises(ValidationError, match="no_such_setting"):
        Organization(overrides={"no_such_setting": 1}).full_clean()
    with pytest.raises(ValidationError, match="true or false"):
        Organization(overrides={"email_correlation_enabled": "yes"}).full_clean()
    assert Organization(overrides={"compatibility": "dynamics"}).policy().max_upload_file_size == 5_120 * 1024


# Any registered model can be a party or a regarding, also one with integer keys


class Machine(models.Model):
    """A record of another application, with an integer key."""

    name = models.CharField(max_length=50)
    mail = models.EmailField()

    class Meta:
        app_label = "crm"
        managed = False
        db_table = "auth_group"  # any table with an integer key and a name will do

    def __str__(self) -> str:
        return self.name


@pytest.fixture
def press():
    addresses.register(Machine, ["mail"], kind="machine")
    machine = Machine(pk=4711, name="Press 4", mail="Press@Factory.test")
    yield machine
    addresses.unregister(Machine)


def test_a_model_with_integer_keys_can_be_a_party_and_a_regarding(alice, press) -> None:
    addresses.reindex([press])
    new = NewEmail(alice.mailbox, [Address("", "press@factory.test")], "Hi", text="x", regarding=press)
    email = write_draft(new, timezone.now())
    party = email.parties.get(participation_type_mask=2)
    assert (party.party_id, party.party_type.model_class()) == ("4711", Machine)
    email.refresh_from_db()
    assert (email.regarding_id, email.regarding_type.model, email.regarding_name) == ("4711", "machine", "Press 4")


# The address index


def test_the_index_follows_a_contact_through_its_life() -> None:  # 5.12
    ann = Contact.objects.create(full_name="Ann", email_address_1="Ann@Acme.test", email_address_3="ann@home.test")
    assert {(one.address, one.column_number) for one in AddressEntry.objects.all()} == {
        ("ann@acme.test", 1),
        ("ann@home.test", 3),
    }
    ann.email_address_1 = "ann@new.test"
    ann.save()
    assert AddressEntry.objects.filter(address="ann@acme.test").count() == 0
    ann.delete()
    assert not AddressEntry.objects.exists()


def test_a_bulk_writer_reindexes_what_it_wrote() -> None:
    people = Contact.objects.bulk_create(
        Contact(full_name=f"P{number}", email_address_1=f"p{number}@acme.test") for number in range(700)
    )
    assert not AddressEntry.objects.exists()
    addresses.reindex(people)
    assert AddressEntry.objects.count() == 700
