"""The birth of mailboxes: defaults, mirrored addresses, taking an address over (3.1–3.3, 1.3, 3.8)."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from mailboxes import provision
from mailboxes.models import Approval, LegStatus, Mailbox, Organization, Queue
from mailboxes.provision import AddressTaken
from profiles.models import EmailServerProfile, ServerType

pytestmark = pytest.mark.django_db
DEFAULTS = {
    "default_incoming_email_delivery_method": 2,
    "default_outgoing_email_delivery_method": 2,
    "default_act_delivery_method": 1,
}


def organization(server_type: ServerType = ServerType.EXCHANGE_SERVER, **overrides) -> EmailServerProfile:
    profile = EmailServerProfile.objects.create(name=server_type.label, server_type=server_type)
    Organization.objects.update_or_create(
        pk=1, defaults={"default_email_server_profile": profile, "overrides": overrides or DEFAULTS}
    )
    return profile


def user(name: str = "alice", address: str = "alice@us.test"):
    return get_user_model().objects.create_user(name, address)


def again(mailbox: Mailbox) -> Mailbox:
    return Mailbox.objects.get(pk=mailbox.pk)


def test_a_new_user_gets_the_default_methods_and_the_default_profile() -> None:  # 3.2
    profile = organization()
    mailbox = user().mailbox
    assert (mailbox.incoming_email_delivery_method, mailbox.outgoing_email_delivery_method) == (2, 2)
    assert (mailbox.act_delivery_method, mailbox.email_server_profile) == (1, profile)
    assert mailbox.email_router_access_approval == Approval.PENDING


def test_a_queue_never_gets_appointments() -> None:  # 1.2
    organization()
    assert Queue.objects.create(name="Support", email_address="s@us.test").mailbox.act_delivery_method == 2


def test_a_pop3_profile_never_gets_appointments() -> None:  # 1.2
    organization(ServerType.OTHER_POP3_SMTP)
    assert user().mailbox.act_delivery_method == 2


def test_without_a_synchronizing_method_no_profile_is_given() -> None:  # 3.2
    organization(default_incoming_email_delivery_method=0)
    assert user().mailbox.email_server_profile is None


def test_defaults_apply_to_existing_mailboxes_only_when_asked() -> None:  # 3.2
    mailbox = user().mailbox
    mailbox.legs.update(enabled=True, status=LegStatus.SUCCESS)
    profile = organization()
    assert again(mailbox).email_server_profile is None

    assert provision.apply_defaults(Mailbox.objects.all(), timezone.now()) == 1

    assert again(mailbox).email_server_profile == profile
    assert not mailbox.legs.filter(enabled=True).exists()
    assert provision.apply_defaults(Mailbox.objects.all(), timezone.now()) == 0


def test_the_address_is_the_same_on_both_sides() -> None:  # 3.1
    alice = user()
    Mailbox.objects.update(email_router_access_approval=Approval.APPROVED)
    alice.mailbox.legs.update(enabled=True)

    alice.email = "alice.smith@us.test"
    alice.save()
    mailbox = again(alice.mailbox)
    assert (mailbox.email_address, mailbox.email_router_access_approval) == ("alice.smith@us.test", Approval.PENDING)
    assert not mailbox.legs.filter(enabled=True).exists()  # 3.8

    provision.change_address(mailbox, "as@us.test")
    alice.refresh_from_db()
    assert alice.email == "as@us.test"


def test_saving_a_user_without_changing_the_address_changes_nothing() -> None:
    alice = user()
    Mailbox.objects.update(email_router_access_approval=Approval.APPROVED)
    alice.mailbox.legs.update(enabled=True)
    alice.first_name = "Alice"
    alice.save()
    mailbox = again(alice.mailbox)
    assert (mailbox.name, mailbox.email_router_access_approval) == ("Alice", Approval.APPROVED)
    assert mailbox.legs.filter(enabled=True).count() == 3


def test_taking_an_address_over_asks_first() -> None:  # 1.3
    alice, support = user(), Queue.objects.create(name="Support", email_address="support@us.test")
    with pytest.raises(AddressTaken, match="already belongs to the mailbox “alice”"):
        provision.change_address(support.mailbox, "Alice@us.test")
    assert again(support.mailbox).email_address == "support@us.test"

    provision.change_address(support.mailbox, "alice@us.test", take_over=True)

    assert again(support.mailbox).email_address == "alice@us.test"
    assert (again(alice.mailbox).email_address, again(alice.mailbox).email_router_access_approval) == ("", 0)
    support.refresh_from_db()
    assert support.email_address == "alice@us.test"


def test_a_user_who_takes_a_taken_address_keeps_the_old_mailbox_address() -> None:  # 1.3
    user()
    bob = user("bob", "bob@us.test")
    bob.email = "alice@us.test"
    bob.save()
    assert again(bob.mailbox).email_address == "bob@us.test"


def test_logging_in_leaves_the_mailbox_alone() -> None:
    alice = user()
    Mailbox.objects.update(email_address="shared@us.test", email_router_access_approval=Approval.APPROVED)
    alice.save(update_fields=["last_login"])
    mailbox = again(alice.mailbox)
    assert (mailbox.email_address, mailbox.email_router_access_approval) == ("shared@us.test", Approval.APPROVED)
