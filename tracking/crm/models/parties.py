"""ActivityParty: who takes part in an activity, resolved to a record or not (5.12–5.14)."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from tracking.crm.models.states import RecipientState


class Participation(models.IntegerChoices):
    """`participationtypemask`"""

    SENDER = 1, "From"
    TO = 2, "To"
    CC = 3, "Cc"
    BCC = 4, "Bcc"
    REQUIRED = 5, "Required attendee"
    OPTIONAL = 6, "Optional attendee"
    ORGANIZER = 7, "Organizer"
    RESOURCE = 10, "Resource"
    CUSTOMER = 11, "Customer"


class ActivityParty(models.Model):
    """One role of one address in one activity; the party is any registered record, or nobody we know."""

    activity_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", db_index=False)
    activity_id = models.UUIDField()
    activity = GenericForeignKey("activity_type", "activity_id")
    participation_type_mask = models.PositiveSmallIntegerField("role", choices=Participation)
    address_used = models.CharField(max_length=320, blank=True)
    unresolved_party_name = models.CharField("name", max_length=200, blank=True)
    party_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    party_id = models.CharField(max_length=64, blank=True)
    party = GenericForeignKey("party_type", "party_id")
    delivery_state = models.PositiveSmallIntegerField(choices=RecipientState, default=RecipientState.NOT_SENT)
    delivery_detail = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "activity parties"
        indexes = [
            models.Index(fields=["activity_type", "activity_id"], name="party_of_activity"),
            models.Index(fields=["party_type", "party_id"], name="activities_of_party", condition=~Q(party_id="")),
            models.Index(Lower("address_used"), name="party_nobody_yet", condition=Q(party_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_participation_type_mask_display()}: {self.address_used}"
