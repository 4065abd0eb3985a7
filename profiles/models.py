"""EmailServerProfile: how one mail system is reached (2)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from profiles.encryption import TLS_WORDS
from profiles.identifiers import uuid7
from profiles.items import Tls
from profiles.secrets import SealedField


class ServerType(models.IntegerChoices):
    """2.1. Exchange Online (hybrid) is stored for those who migrate; connections to it are made as to any EWS server."""

    EXCHANGE_SERVER = 0, "Exchange Server"
    OTHER_POP3_SMTP = 1, "Other (POP3/SMTP)"
    EXCHANGE_SERVER_HYBRID = 2, "Exchange Server (Hybrid)"
    EXCHANGE_ONLINE_HYBRID = 3, "Exchange Online (Hybrid)"
    IMAP_SMTP = 4, "IMAP/SMTP"


class AuthenticationProtocol(models.IntegerChoices):
    """2.4"""

    AUTO_DETECT = 0, "Auto detect"
    NEGOTIATE = 1, "Negotiate"
    NTLM = 2, "NTLM"
    BASIC = 3, "Basic"
    OAUTH = 4, "OAuth"


class CredentialRetrieval(models.IntegerChoices):
    """2.2"""

    SPECIFIED_BY_USER_OR_QUEUE = 0, "Credentials specified by a user or queue"
    SPECIFIED_IN_PROFILE = 1, "Credentials specified in email server profile"
    SERVER_TO_SERVER = 2, "Server-to-server authentication"
    WINDOWS_INTEGRATED = 3, "Windows integrated authentication"
    WITHOUT_CREDENTIALS = 4, "Without credentials (anonymous)"
    GMAIL_OAUTH = 5, "Gmail OAuth"
    HYBRID_MODERN_AUTH = 6, "Exchange Hybrid Modern Auth"
    ENTRA_OAUTH = 7, "OAuth with Microsoft Entra ID"


class StateCode(models.IntegerChoices):
    """Active or not; an inactive profile or mailbox is never processed (1.9)."""

    ACTIVE = 0, "Active"
    INACTIVE = 1, "Inactive"


EXCHANGE_TYPES = frozenset(
    {ServerType.EXCHANGE_SERVER, ServerType.EXCHANGE_SERVER_HYBRID, ServerType.EXCHANGE_ONLINE_HYBRID}
)


class EmailServerProfile(models.Model):
    """One way to one mail system. Its secrets are sealed and write-only (2.5)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(max_length=2000, blank=True)
    server_type = models.PositiveSmallIntegerField(choices=ServerType)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    state_code = models.PositiveSmallIntegerField("state", choices=StateCode, default=StateCode.ACTIVE)

    incoming_server_location = models.CharField(
        "incoming server", max_length=2084, blank=True, help_text="A host name (POP3), or the EWS address (Exchange)."
    )
    incoming_port_number = models.PositiveIntegerField(
        "incoming port", null=True, blank=True, validators=[MaxValueValidator(65536)], help_text="Empty: the usual one."
    )
    incoming_tls = models.CharField(
        "encryption on receive", max_length=8, choices=TLS_WORDS, default=Tls.IMPLICIT.value
    )
    incoming_authentication_protocol = models.PositiveSmallIntegerField(
        choices=AuthenticationProtocol, default=AuthenticationProtocol.AUTO_DETECT
    )
    incoming_credential_retrieval = models.PositiveSmallIntegerField(
        choices=CredentialRetrieval, default=CredentialRetrieval.SPECIFIED_BY_USER_OR_QUEUE
    )
    incoming_username = models.CharField(max_length=250, blank=True)
    incoming_password = SealedField()
    incoming_use_impersonation = models.BooleanField(
        default=False, help_text="The account impersonates each mailbox; otherwise it needs delegate access (2.9)."
    )

    use_same_settings_for_outgoing_connections = models.BooleanField(default=True)
    outgoing_server_location = models.CharField("outgoing server", max_length=2084, blank=True)
    outgoing_port_number = models.PositiveIntegerField(
        "outgoing port", null=True, blank=True, validators=[MaxValueValidator(65536)]
    )
    outgoing_tls = models.CharField("encryption on send", max_length=8, choices=TLS_WORDS, default=Tls.IMPLICIT.value)
    outgoing_authentication_protocol = models.PositiveSmallIntegerField(
        choices=AuthenticationProtocol, default=AuthenticationProtocol.AUTO_DETECT
    )
    outgoing_credential_retrieval = models.PositiveSmallIntegerField(
        choices=CredentialRetrieval, default=CredentialRetrieval.SPECIFIED_BY_USER_OR_QUEUE
    )
    outgoing_username = models.CharField(max_length=250, blank=True)
    outgoing_password = SealedField()
    outgoing_use_impersonation = models.BooleanField(default=False)

    process_emails_received_after = models.DateTimeField(
        null=True, blank=True, help_text="Older mail is left alone for every mailbox of this profile (2.10)."
    )
    min_polling_interval_in_minutes = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(1440)])
    max_concurrent_connections = models.PositiveIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(300)]
    )
    timeout_mailbox_connection = models.BooleanField(default=True)
    timeout_mailbox_connection_after_amount = models.PositiveIntegerField(
        "time-out (ms)", default=30_000, validators=[MinValueValidator(100), MaxValueValidator(100_000)]
    )
    use_auto_discover = models.BooleanField(
        default=False, help_text="Exchange only: find the server by the address instead of a fixed location (2.7)."
    )
    send_email_alert = models.BooleanField(
        default=False, help_text="Write to the owner when more than half of the mailboxes failed within an hour (2.10)."
    )
    owner_email_address = models.EmailField(max_length=100, blank=True)
    last_email_alert_on = models.DateTimeField(null=True, blank=True, editable=False)
    last_test_start_time = models.DateTimeField(null=True, blank=True, editable=False)
    last_test_execution_status = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    last_test_trace = models.JSONField(default=list, blank=True, editable=False)
    move_undelivered_emails = models.BooleanField(default=False)
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "email server profile"
        constraints = [
            models.CheckConstraint(
                name="profile_connections_1_to_300",
                condition=models.Q(max_concurrent_connections__gte=1, max_concurrent_connections__lte=300),
            ),
            models.CheckConstraint(
                name="profile_polling_at_most_a_day", condition=models.Q(min_polling_interval_in_minutes__lte=1440)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_exchange(self) -> bool:
        """Whether mail is read and sent through Exchange Web Services."""
        return self.server_type in EXCHANGE_TYPES

    @property
    def is_active(self) -> bool:
        return self.state_code == StateCode.ACTIVE

    @property
    def incoming_use_ssl(self) -> bool:
        """`IncomingUseSSL`: whether receiving is encrypted in any way (2.6)."""
        return self.incoming_tls != Tls.NONE.value

    @property
    def outgoing_use_ssl(self) -> bool:
        """`OutgoingUseSSL`: the same of sending."""
        return self.outgoing_tls != Tls.NONE.value

    @property
    def is_incoming_password_set(self) -> bool:
        return bool(self.incoming_password)

    @property
    def is_outgoing_password_set(self) -> bool:
        return bool(self.outgoing_password)
