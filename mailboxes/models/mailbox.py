"""Mailbox: one address, its delivery methods and credentials. Holds only what people edit; see MailboxLeg for the rest."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from mailboxes import combinations
from mailboxes.combinations import Combination
from mailboxes.models.leg import Leg, LegStatus
from mailboxes.models.queue import Queue
from profiles.identifiers import uuid7
from profiles.models import EmailServerProfile, StateCode
from profiles.secrets import SealedField


class IncomingDeliveryMethod(models.IntegerChoices):
    """1.1. The method named Outlook is stored and skipped with a reason."""

    NONE = 0, "None"
    OUTLOOK = 1, "Microsoft Dynamics 365 for Outlook"
    SERVER_SIDE_SYNCHRONIZATION = 2, "Server-side synchronization"
    FORWARD_MAILBOX = 3, "Forward mailbox"


class OutgoingDeliveryMethod(models.IntegerChoices):
    """1.1"""

    NONE = 0, "None"
    OUTLOOK = 1, "Microsoft Dynamics 365 for Outlook"
    SERVER_SIDE_SYNCHRONIZATION = 2, "Server-side synchronization"


class ActDeliveryMethod(models.IntegerChoices):
    """1.1. Mind the other numbering: None is 2 here."""

    OUTLOOK = 0, "Microsoft Dynamics 365 for Outlook"
    SERVER_SIDE_SYNCHRONIZATION = 1, "Server-side synchronization"
    NONE = 2, "None"


class Approval(models.IntegerChoices):
    """3.4, `EmailRouterAccessApproval`."""

    EMPTY = 0, "Empty"
    APPROVED = 1, "Approved"
    PENDING = 2, "Pending approval"
    REJECTED = 3, "Rejected"


class Mailbox(models.Model):
    """One address on one server, of a user, of a queue, or of nobody (a forward mailbox, 1.5)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    email_address = models.EmailField(max_length=100, blank=True)
    regarding_user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="mailbox", verbose_name="user"
    )
    regarding_queue = models.OneToOneField(
        Queue, models.CASCADE, null=True, blank=True, related_name="mailbox", verbose_name="queue"
    )
    is_forward_mailbox = models.BooleanField("forward mailbox", default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    email_server_profile = models.ForeignKey(
        EmailServerProfile, models.SET_NULL, null=True, blank=True, related_name="mailboxes"
    )
    state_code = models.PositiveSmallIntegerField("state", choices=StateCode, default=StateCode.ACTIVE)
    incoming_email_delivery_method = models.PositiveSmallIntegerField(
        "incoming email", choices=IncomingDeliveryMethod, default=IncomingDeliveryMethod.NONE
    )
    outgoing_email_delivery_method = models.PositiveSmallIntegerField(
        "outgoing email", choices=OutgoingDeliveryMethod, default=OutgoingDeliveryMethod.NONE
    )
    act_delivery_method = models.PositiveSmallIntegerField(
        "appointments, contacts and tasks", choices=ActDeliveryMethod, default=ActDeliveryMethod.NONE
    )
    email_router_access_approval = models.PositiveSmallIntegerField(
        "address approval", choices=Approval, default=Approval.EMPTY
    )
    email_address_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    email_address_approved_on = models.DateTimeField(null=True, blank=True, editable=False)
    allow_email_connector_to_use_credentials = models.BooleanField(
        "allow to use credentials", default=False, help_text="Without it the stored password is never used (2.3)."
    )
    username = models.CharField(max_length=200, blank=True)
    password = SealedField()
    process_and_delete_emails = models.BooleanField(
        "delete emails after processing", default=False, help_text="Only for queue and forward mailboxes (1.2)."
    )
    process_email_received_after = models.DateTimeField(
        "process emails received after", null=True, blank=True, help_text="The later of this and the profile's counts."
    )
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "mailboxes"
        permissions = [
            ("approve_address", "May approve or reject addresses"),
            ("test_mailbox", "May test and enable mailboxes"),
            ("pause_mailbox", "May pause and resume"),
        ]
        constraints = [
            models.CheckConstraint(
                name="mailbox_of_one_owner_at_most",
                condition=Q(regarding_user__isnull=True) | Q(regarding_queue__isnull=True),
                violation_error_message="A mailbox belongs to a user or to a queue, not to both.",
            ),
            models.CheckConstraint(
                name="mailbox_forward_belongs_to_nobody",
                condition=Q(is_forward_mailbox=True, regarding_user__isnull=True, regarding_queue__isnull=True)
                | Q(is_forward_mailbox=False) & (Q(regarding_user__isnull=False) | Q(regarding_queue__isnull=False)),
                violation_error_message="A forward mailbox belongs to nobody; every other mailbox to a user or a queue.",
            ),
            models.CheckConstraint(
                name="mailbox_forward_only_receives",
                condition=Q(is_forward_mailbox=False) | Q(outgoing_email_delivery_method=0, act_delivery_method=2),
                violation_error_message="A forward mailbox only receives: set outgoing email and "
                "appointments, contacts and tasks to None.",
            ),
            models.CheckConstraint(
                name="mailbox_of_user_never_deletes",
                condition=Q(process_and_delete_emails=False) | Q(regarding_user__isnull=True),
                violation_error_message="Emails are deleted after processing only in queue and forward mailboxes.",
            ),
            models.UniqueConstraint(
                Lower("email_address"),
                name="mailbox_address_once",
                condition=~Q(email_address=""),
                violation_error_message="Another mailbox already has this address.",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email_address

    def clean(self) -> None:
        """The methods fit the owner and the kind of server (1.2); what does not says what to change."""
        found = combinations.problems(self.combination())
        if found:
            raise ValidationError(found)

    def combination(self) -> Combination:
        """What the table of 1.2 is asked about this mailbox."""
        profile, owner = self.email_server_profile, combinations.Owner.USER
        if self.is_forward_mailbox:
            owner = combinations.Owner.NOBODY
        elif self.regarding_queue_id is not None:
            owner = combinations.Owner.QUEUE
        server = combinations.Server.UNKNOWN
        if profile is not None:
            server = combinations.Server.EXCHANGE if profile.is_exchange else combinations.Server.LINES
        methods = {column: getattr(self, column) for column in combinations.NONE}
        return Combination(owner, server, methods, self.process_and_delete_emails)

    @property
    def is_active(self) -> bool:
        return self.state_code == StateCode.ACTIVE

    @property
    def is_password_set(self) -> bool:
        return bool(self.password)

    def leg_status(self, leg: Leg) -> int:
        """The status of one leg, 0 while it was never run. Prefetch `legs` when asking for many mailboxes."""
        return next((row.status for row in self.legs.all() if row.leg == leg), LegStatus.NOT_RUN)

    @property
    def incoming_email_status(self) -> int:
        return self.leg_status(Leg.INCOMING)

    @property
    def outgoing_email_status(self) -> int:
        return self.leg_status(Leg.OUTGOING)

    @property
    def act_status(self) -> int:
        return self.leg_status(Leg.ACT)

    @property
    def processing_state_code(self) -> int:
        """1 while a worker holds any leg, as the entity model has it (4.1)."""
        return int(any(row.leased_until is not None for row in self.legs.all()))
