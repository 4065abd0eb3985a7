"""The ledger: every item a server showed, and what became of it (laws 1, 2, 5).

For each mailbox at every commit: shown = copies + pending + tracked + ignored + quarantined + gone.
`shown` counts placements; a placement beyond the first of the same message is a copy.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailboxes.models import Mailbox
from tracking.crm.models import Blob, Email


class LedgerState(models.IntegerChoices):
    """Every row is exactly one of these."""

    PENDING = 0, "Pending"
    TRACKED = 1, "Tracked"
    IGNORED = 2, "Ignored"
    QUARANTINED = 3, "Quarantined"
    GONE = 4, "Gone before it could be judged"


class Acknowledgement(models.IntegerChoices):
    """What is still to be done on the server about a placement, after the commit that decided it."""

    NONE = 0, "Nothing"
    CATEGORIZE = 1, "Set the category"
    DELETE = 2, "Delete"
    UNCATEGORIZE = 3, "Take the category away"
    CATEGORIZE_UNDELIVERABLE = 4, "Set the category of what could not be tracked"
    MOVE_UNDELIVERABLE = 5, "Move to the folder of what could not be tracked"


class Explicit(models.IntegerChoices):
    """Whether a message is tracked because somebody said so, past every filter (5.6)."""

    NO = 0, "Not asked for"
    PERSON = 1, "A person asked for it"
    CATEGORY = 2, "It bears the category"
    FOLDER = 3, "It lies in a tracked folder"


class LedgerRow(models.Model):
    """One message of one mailbox: the verdict, its reason and its evidence (law 4). No subject, no body."""

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="ledger", db_index=False)
    content_key = models.CharField(max_length=32, null=True, help_text="Empty until the headers have been read.")
    state = models.PositiveSmallIntegerField(choices=LedgerState, default=LedgerState.PENDING)
    reason = models.SmallIntegerField(null=True)
    evidence = models.JSONField(default=dict)
    email = models.ForeignKey(Email, models.SET_NULL, null=True, blank=True, related_name="ledger_rows")
    message_id = models.CharField(max_length=320, blank=True)
    sender = models.CharField(max_length=320, blank=True, help_text="Lower case; expires with the evidence.")
    explicit = models.PositiveSmallIntegerField(choices=Explicit, default=Explicit.NO)
    explicit_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    tracking_folder = models.ForeignKey(
        "tracking.MailboxTrackingFolder",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="ledger_rows",
        help_text="The folder rule that filed it.",
    )
    size = models.PositiveBigIntegerField(default=0)
    received_on = models.DateTimeField(null=True)
    discovered_on = models.DateTimeField()
    decided_on = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_on = models.DateTimeField(null=True)
    error = models.CharField(max_length=2048, blank=True)
    raw = models.ForeignKey(
        Blob, models.PROTECT, null=True, blank=True, related_name="+", help_text="Only of quarantined messages."
    )

    mailbox_id: UUID

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "content_key"], name="ledger_once_per_content")]
        indexes = [
            models.Index(fields=["mailbox", "received_on", "id"], name="ledger_pending", condition=Q(state=0)),
            models.Index(fields=["message_id"], name="ledger_message_id", condition=~Q(message_id="")),
            models.Index(fields=["sender", "-id"], name="ledger_sender", condition=~Q(sender="")),
        ]

    def __str__(self) -> str:
        return f"Ledger row {self.pk} ({self.get_state_display()})"


class Placement(models.Model):
    """Where a server showed a message: one key in one folder. Moves, copies and other transports only add placements."""

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="placements", db_index=False)
    folder = models.CharField(max_length=512)
    epoch = models.CharField(max_length=64, blank=True)
    server_key = models.CharField(max_length=512)
    ledger_row = models.ForeignKey(LedgerRow, models.CASCADE, related_name="placements")
    change_key = models.CharField(max_length=200, blank=True)
    shown_on = models.DateTimeField()
    gone_on = models.DateTimeField(null=True)
    is_tagged = models.BooleanField(default=False, help_text="It bore the category when the server last showed it.")
    acknowledge = models.PositiveSmallIntegerField(choices=Acknowledgement, default=Acknowledgement.NONE)

    class Meta:
        constraints = [
            # The key before the epoch: items are looked up by their keys, whatever the epoch.
            models.UniqueConstraint(fields=["mailbox", "folder", "server_key", "epoch"], name="placement_once")
        ]
        indexes = [
            models.Index(fields=["mailbox"], name="placement_to_acknowledge", condition=Q(acknowledge__gt=0)),
        ]

    def __str__(self) -> str:
        return f"Placement {self.pk} in {self.folder}"


class LedgerTotal(models.Model):
    """The totals of one mailbox, kept in the same transaction as what they count (law 2)."""

    mailbox = models.OneToOneField(Mailbox, models.CASCADE, primary_key=True, related_name="ledger_total")
    shown = models.BigIntegerField(default=0)
    copies = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    tracked = models.BigIntegerField(default=0)
    ignored = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    gone = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Totals of {self.pk}"

    @property
    def balances(self) -> bool:
        """The equation of the module's docstring."""
        return self.shown == (self.copies + self.pending + self.tracked + self.ignored + self.quarantined + self.gone)
