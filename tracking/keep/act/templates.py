"""The filters that a user starts with: copies of the organization's templates that are marked as default (10.1 c)."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tracking.decide.filters import TEMPLATES, stored
from tracking.models import SyncFilter, SyncProgress


def give_templates(user: Any) -> int:
    """Once for each user, before the first synchronization; whoever has filters, or had them, keeps what they have.
    Returns how many filters were made."""
    begun = SyncProgress.objects.filter(mailbox__regarding_user=user).exclude(crm_seen_until=None)
    if SyncFilter.objects.filter(owner=user).exists() or begun.exists():
        return 0
    with transaction.atomic():
        made = [
            SyncFilter(owner=user, template=one, name=one.name, record_kind=one.record_kind, conditions=one.conditions)
            for one in templates()
            if one.is_default and one.is_active
        ]
        SyncFilter.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def templates() -> list[SyncFilter]:
    """The organization's templates; an organization without any gets those that we propose."""
    found = list(SyncFilter.objects.filter(owner=None))
    if found:
        return found
    proposed = [
        SyncFilter(name=one.name, record_kind=one.kind, conditions=stored(one.conditions), is_default=True)
        for one in TEMPLATES
    ]
    SyncFilter.objects.bulk_create(proposed, ignore_conflicts=True)
    return list(SyncFilter.objects.filter(owner=None))
