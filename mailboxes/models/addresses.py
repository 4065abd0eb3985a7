"""The address index: every e-mail address of every e-mail enabled record, for one look-up per batch (5.12); and what
people have said an address stands for (5.13)."""

from __future__ import annotations

from django.conf import settings
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


class AddressResolution(models.Model):
    """A person has said which record an address stands for; it is applied to like addresses (5.13)."""

    address = models.CharField(max_length=320, unique=True, help_text="Lower case.")
    record_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", db_index=False)
    record_id = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    chosen_on = models.DateTimeField()

    class Meta:
        ordering = ["address"]

    def __str__(self) -> str:
        return f"{self.address} is {self.name}"
