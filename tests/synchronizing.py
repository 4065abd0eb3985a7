"""Alice’s appointments, contacts and tasks on both sides, for the stories about keeping them the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox
from profiles.act_items import ItemKind
from serversync.cycles.engine import Ended
from tests.company import Company, run
from tracking.crm.models import Contact, Task
from tracking.models import ExchangeSyncIdMapping

ALICE = "alice@us.test"
CATEGORY = "Tracked to CRM"
DUE = datetime(2026, 12, 1, 9, tzinfo=UTC)


def alice_on(company: Company, **columns: Any) -> Mailbox:
    """Alice, whose mailbox on Exchange is synchronized."""
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    return company.user("Alice", company.exchange_profile(), act_delivery_method=method, **columns)


def synchronize(mailbox: Mailbox) -> Ended:
    """One cycle that must succeed."""
    ended = run(mailbox, Leg.ACT)
    assert ended.error is None, (ended.error, ended.error.words)
    assert not ended.skipped, ended.skipped
    failed = list(ExchangeSyncIdMapping.objects.exclude(last_sync_error="").values_list("last_sync_error", flat=True))
    assert not failed, failed
    return ended


def task(mailbox: Mailbox, subject: str = "Call Acme", **columns: Any) -> Task:
    """A task of the owner of the mailbox, written here."""
    columns.setdefault("scheduled_end", DUE)
    return Task.objects.create(subject=subject, owner=mailbox.regarding_user, created_on=timezone.now(), **columns)


def contact(mailbox: Mailbox, name: str = "Ann Smith", **columns: Any) -> Contact:
    """A contact of the owner of the mailbox, written here."""
    return Contact.objects.create(full_name=name, owner=mailbox.regarding_user, **columns)


def held(company: Company, kind: ItemKind, address: str = ALICE) -> dict[str, dict[str, Any]]:
    """What Exchange holds, by subject or name."""
    items = company.sandbox.act_items(address, kind)
    return {item["fields"].get("subject") or item["fields"].get("full_name"): item for item in items}
