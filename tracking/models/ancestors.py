"""AwaitedAncestor: which messages an ignored reply would have answered, so that it can join them later (6)."""

from __future__ import annotations

from django.db import models


class AwaitedAncestor(models.Model):
    """One ancestor of one ignored message, as a hash of its Message-ID: no text of an untracked mail is kept."""

    ledger_row = models.ForeignKey("tracking.LedgerRow", models.CASCADE, related_name="awaited")
    message_id_hash = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["message_id_hash"], name="awaited_ancestor")]

    def __str__(self) -> str:
        return f"Ancestor awaited by row {self.ledger_row_id}"
