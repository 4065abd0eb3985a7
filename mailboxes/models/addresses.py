"""The address index: every e-mail address of every e-mail enabled record, for one look-up per batch (5.12)."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db import models


class AddressEntry(models.Model):
    """One address of one record (`EmailSearch`). `owner_id` is text, as generic keys are."""

    address = models.CharField(max_length=320, help_text="Lower case.")
    record_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", db_index=False)
    record_id = models.CharField(max_length=64)
    column_number = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=200, blank=True)
    owner_id = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_on = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "address index"
        constraints = [
            models.UniqueConstraint(
                fields=["record_type", "record_id", "column_number"], name="address_once_per_record_and_column"
            )
        ]
        indexes = [models.Index(fields=["address"], name="address_lookup")]

    def __str__(self) -> str:
        return f"{self.address} ({self.name})"
