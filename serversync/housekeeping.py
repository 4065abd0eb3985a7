"""What is done once a day: what has outlived its time goes, what an index lost is found again, orphans are swept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django_q.models import Failure, Success

from mailboxes import addresses
from mailboxes.models import MailboxStatistics, TraceLog, Trial
from mailboxes.models.settings import current_policy
from tracking.crm.sweeping import sweep_blobs
from tracking.models import LedgerRow

TASKS_KEPT = timedelta(days=7)
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many of each were removed or repaired."""

    statistics: int
    alerts: int
    evidence: int
    blobs: int
    addresses: int


def tidy(now: datetime) -> Tidied:
    """One round. It may run any number of times, and on several hosts at once."""
    policy = current_policy()
    Failure.objects.filter(stopped__lt=now - TASKS_KEPT).delete()
    Success.objects.filter(stopped__lt=now - TASKS_KEPT).delete()
    Trial.objects.filter(finished_on__lt=now - timedelta(days=policy.evidence_retention_in_days)).delete()
    statistics, _ = MailboxStatistics.objects.filter(
        mailbox_process_completed_on__lt=now - timedelta(days=policy.statistics_retention_in_days)
    ).delete()
    alerts, _ = TraceLog.objects.filter(
        closed_on__lt=now - timedelta(days=policy.alert_retention_in_days)  # 4.12
    ).delete()
    return Tidied(
        statistics=statistics,
        alerts=alerts,
        evidence=_expire_evidence(now - timedelta(days=policy.evidence_retention_in_days)),
        blobs=sweep_blobs(now),
        addresses=_repair_addresses(),
    )


def _expire_evidence(before: datetime) -> int:
    """Evidence expires by setting; the verdict, its reason and the identity stay (law 3)."""
    return LedgerRow.objects.filter(decided_on__lt=before).exclude(evidence={}).update(evidence={})


def _repair_addresses() -> int:
    """Bulk writers may have forgotten to reindex: index every record of every registered model anew."""
    count = 0
    for model in addresses.sources():
        chunk = []
        for record in model._default_manager.order_by("pk").iterator(chunk_size=CHUNK):
            chunk.append(record)
            if len(chunk) == CHUNK:
                count += addresses.repair(chunk)
                chunk = []
        count += addresses.repair(chunk)
    return count
