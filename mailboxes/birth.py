"""The two signal receivers of the product: a new user or queue gets its mailbox (3.1), and a saved address is indexed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from mailboxes import addresses, provision
from mailboxes.models import Queue

FOLLOWED = frozenset({"email", "email_address", "name", "owner", "username", "first_name", "last_name"})


def connect() -> None:
    """Called once when the app is ready."""
    user_model = get_user_model()
    addresses.register(user_model, ["email"], rank=0, kind="systemuser", is_active=lambda user: user.is_active)
    addresses.register(Queue, ["email_address"], kind="queue", is_active=lambda queue: queue.state_code == 0)
    for model in (user_model, Queue):
        post_save.connect(keep_mailbox, sender=model, dispatch_uid=f"mailbox of {model.__name__}")
    post_save.connect(index_addresses, dispatch_uid="address index")
    post_delete.connect(forget_addresses, dispatch_uid="address index, deleted")


def keep_mailbox(
    instance: Any, created: bool, raw: bool = False, update_fields: Collection[str] | None = None, **_: object
) -> None:
    """A new user or queue gets its one mailbox (3.1); the mailbox follows a changed name or address.

    A save that names its columns and none of these (each login is one) changes nothing.
    """
    if raw:
        return
    if created:
        provision.give_mailbox(instance, timezone.now())
    elif update_fields is None or not FOLLOWED.isdisjoint(update_fields):
        provision.follow_owner(instance)


def index_addresses(instance: models.Model, raw: bool = False, **_: object) -> None:
    """A saved record of a registered model is found by its present addresses at once."""
    if not raw and type(instance) in addresses.sources():
        addresses.reindex([instance])


def forget_addresses(instance: models.Model, **_: object) -> None:
    """A deleted record is no longer found."""
    addresses.forget(instance)
