"""A record that is deleted here, by whatever page or command, is noted at once by the pairs it was part of (10.1 i).

One of the few receivers of signals: an idle cycle could only learn of it by comparing all that is linked.
"""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.db.models.signals import post_delete
from django.utils import timezone

from tracking.facts.act.kinds import MODELS
from tracking.keep.act.noting import note_deleted_record


def connect() -> None:
    """Called once, when the app is ready."""
    for model in MODELS.values():
        post_delete.connect(_deleted, sender=model, dispatch_uid=f"act departures {model.__name__}")


def _deleted(sender: type[Model], instance: Model, **_: Any) -> None:
    note_deleted_record(ContentType.objects.get_for_model(sender).pk, str(instance.pk), timezone.now())
