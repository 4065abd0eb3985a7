"""Settings: the organization's (one row, overrides only) and each user's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from mailboxes.policy import Policy, policy_from
from profiles.models import EmailServerProfile


class IncomingFilter(models.IntegerChoices):
    """5.4, `IncomingEmailFilteringMethod`."""

    ALL_MESSAGES = 0, "All email messages"
    RESPONSES_TO_OUR_MAIL = 1, "Email messages in response to our email"
    FROM_LEADS_CONTACTS_ACCOUNTS = 2, "Email messages from leads, contacts and accounts"
    FROM_EMAIL_ENABLED_RECORDS = 3, "Email messages from records that are email enabled"
    NO_MESSAGES = 4, "No email messages"


class Organization(models.Model):
    """The one row of organization-wide settings. `overrides` holds only what differs from the defaults in code."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=160, default="Organization")
    default_email_server_profile = models.ForeignKey(
        EmailServerProfile, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    overrides = models.JSONField(default=dict, blank=True)
    instance_id = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of the installation that last ran on this database."
    )
    held_on = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Set while it is not clear whether this is a copy."
    )

    class Meta:
        verbose_name_plural = "organization"
        constraints = [models.CheckConstraint(name="organization_is_one_row", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            policy_from(self.overrides)
        except ValueError as error:
            raise ValidationError({"overrides": str(error)}) from error

    @classmethod
    def current(cls) -> Organization:
        """The row, or an unsaved one with every default."""
        return cls.objects.select_related("default_email_server_profile").first() or cls()

    def policy(self) -> Policy:
        """What decisions are given: defaults in code with this row's overrides."""
        return policy_from(self.overrides)


def current_policy() -> Policy:
    """The organization's policy as it stands now; read once per cycle."""
    overrides: dict[str, Any] = Organization.objects.values_list("overrides", flat=True).first() or {}
    return policy_from(overrides)


class AutoCreate(models.IntegerChoices):
    """5.15, `AutoCreateContactOnPromote`. The original documents no codes beyond 0; these are ours."""

    NOTHING = 0, "Nothing"
    CONTACT = 1, "A contact"
    LEAD = 2, "A lead"


class UserSettings(models.Model):
    """What Dynamics keeps on systemuser and usersettings."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="sync_settings"
    )
    incoming_email_filtering_method = models.PositiveSmallIntegerField(
        "track", choices=IncomingFilter, default=IncomingFilter.RESPONSES_TO_OUR_MAIL
    )
    auto_create_contact_on_promote = models.PositiveSmallIntegerField(
        "unknown senders of tracked email become", choices=AutoCreate, default=AutoCreate.NOTHING
    )
    tracking_token_id = models.PositiveIntegerField(
        null=True, blank=True, unique=True, editable=False, help_text="The user's number in classic tokens (6.5)."
    )
    is_send_as_allowed = models.BooleanField(
        "others may send as me", default=False, help_text="To those who may send email as another user (7.5)."
    )
    last_alerts_viewed_time = models.DateTimeField(null=True, blank=True, editable=False)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        verbose_name_plural = "user settings"

    def __str__(self) -> str:
        return f"Settings of {self.user}"
