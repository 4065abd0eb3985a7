"""ExchangeSyncIdMapping: which record of ours is which item on the server, per user (10.1 e)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from profiles.identifiers import uuid7


class ExchangeSyncIdMapping(models.Model):
    """One pair of record and Exchange item of one user."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    object_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.CharField(max_length=64, blank=True)
    object = GenericForeignKey("object_type", "object_id")
    exchange_entry_id = models.CharField(max_length=1024, blank=True)
    is_deleted_in_exchange = models.BooleanField(default=False)
    is_unlinked_in_crm = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "object_type", "object_id"], name="mapping_once_per_owner", condition=~Q(object_id="")
            )
        ]

    def __str__(self) -> str:
        return f"Mapping {self.pk}"
