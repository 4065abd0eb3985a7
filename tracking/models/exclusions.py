"""TrackingExclusion: what is never tracked, by the word of a mailbox's owner or of the organization (law 12)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from mailboxes.models import Mailbox


class ExclusionKind(models.IntegerChoices):
    ADDRESS = 0, "Address"
    DOMAIN = 1, "Domain and its subdomains"
    THREAD = 2, "Conversation"


class TrackingExclusion(models.Model):
    """An address, a domain or a conversation whose mail is not tracked in one mailbox, or, without one, in any.

    `value` is lower case: "bob@shop.test", "shop.test", or the id of a conversation (of nothing tracked: the Message-ID
    of its first message).
    """

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, null=True, blank=True, related_name="exclusions")
    kind = models.PositiveSmallIntegerField(choices=ExclusionKind)
    value = models.CharField(max_length=320)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_on = models.DateTimeField()

    class Meta:
        ordering = ["kind", "value"]
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "kind", "value"], name="exclusion_once_per_mailbox"),
            models.UniqueConstraint(
                fields=["kind", "value"], name="exclusion_once_for_all", condition=models.Q(mailbox__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"
