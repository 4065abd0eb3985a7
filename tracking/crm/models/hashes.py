"""EmailHash: words of subjects and addresses as numbers, for smart matching (6.6)."""

from __future__ import annotations

from django.db import models


class HashType(models.IntegerChoices):
    """`hashtype`. The original documents no codes; these are ours."""

    SUBJECT = 0, "Word of the subject"
    ADDRESS = 1, "Address"


class EmailHash(models.Model):
    """One word of one email's subject, or one of its addresses. Rows older than the window are swept."""

    email = models.ForeignKey("crm.Email", models.CASCADE, related_name="hashes")
    hash_type = models.PositiveSmallIntegerField(choices=HashType)
    hash = models.BigIntegerField()
    created_on = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["hash_type", "hash"], name="email_hash_lookup")]

    def __str__(self) -> str:
        return f"Hash of {self.email_id}"
