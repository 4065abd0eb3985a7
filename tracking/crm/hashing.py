"""The rows of EmailHash that let a later message find an email by its words (6.6)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from tracking.crm.fingerprints import fingerprint
from tracking.crm.models import EmailHash, HashType


def hashes_for(email_id: UUID, envelope: Envelope, policy: Policy, now: datetime) -> list[EmailHash]:
    """The rows for one email, not yet saved; none while smart matching is off."""
    if not policy.email_smart_matching_enabled:
        return []
    found = fingerprint(envelope, policy)
    numbers = [(HashType.SUBJECT, sorted(found.words)), (HashType.ADDRESS, sorted(found.addresses))]
    return [
        EmailHash(email_id=email_id, hash_type=kind, hash=number, created_on=now)
        for kind, hashes in numbers
        for number in hashes
    ]
