"""The two signal receivers of the product: a new user or queue gets its mailbox (3.1), and a saved address is indexed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from mailboxes import addresses
from mailboxes.models import Approval, Mailbox, Queue, UserSettings
from mailboxes.models.leg import ensure_legs


def connect() -> None:
    """Called once when the app is ready."""
    user_model = get_user_model()
    addresses.register(user_model, ["email"], rank=0, kind="systemuser", is_active=lambda user: user.is_active)
    addresses.register(Queue, ["email_address"], kind="queue", is_active=lambda queue: queue.state_code == 0)
    for model in (user_model, Queue):
        post_save.connect(give_mailbox, sender=model, dispatch_uid=f"mailbox of {model.__name__}")
    post_save.connect(index_addresses, dispatch_uid="address index")
    post_delete.connect(forget_addresses, dispatch_uid="address index, deleted")


def give_mailbox(instance: Any, created: bool, raw: bool = False, **_: object) -> None:
    """A user or queue that has just been created gets its one mailbox (3.1)."""
    if raw or not created:
        return
    if isinstance(instance, Queue):
        address, owner, whose = instance.email_address, instance.owner, {"regarding_queue": instance}
    else:
        address, owner, whose = instance.email, instance, {"regarding_user": instance}
        UserSettings.objects.get_or_create(user=instance)
    mailbox = Mailbox.objects.create(
        name=str(instance)[:200] if isinstance(instance, Queue) else (instance.get_full_name() or str(instance))[:200],
        email_address=_free(address),
        owner=owner,
        email_router_access_approval=Approval.PENDING if address else Approval.EMPTY,
        **whose,
    )
    ensure_legs(mailbox, timezone.now())


def _free(address: str) -> str:
    """The address unless another mailbox already serves it (1.3): taking it over is a person's decision."""
    return "" if Mailbox.objects.filter(email_address__iexact=address).exists() else address


def index_addresses(instance: models.Model, raw: bool = False, **_: object) -> None:
    """A saved record of a registered model is found by its present addresses at once."""
    if not raw and type(instance) in addresses.sources():
        addresses.reindex([instance])


def forget_addresses(instance: models.Model, **_: object) -> None:
    """A deleted record is no longer found."""
    addresses.forget(instance)
