"""What is done once a day: what has outlived its time goes, what an index lost is found again, orphans are swept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Model
from django_q.models import Failure, Success

from mailboxes import addresses
from mailboxes.models import MailboxStatistics, TraceLog, Trial
from mailboxes.models.settings import current_policy
from tracking.crm.models import EmailHash
from tracking.crm.sweeping import sweep_blobs
from tracking.facts.act.files import contents_kept
from tracking.models import AwaitedAncestor, LedgerRow

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
    hashes: int
    awaited: int


def tidy(now: datetime) -> Tidied:
    """One round. It may run any number of times, and on several hosts at once."""
    policy = current_policy()
    evidence_until = now - timedelta(days=policy.evidence_retention_in_days)
    Failure.objects.filter(stopped__lt=now - TASKS_KEPT).delete()
    Success.objects.filter(stopped__lt=now - TASKS_KEPT).delete()
    Trial.objects.filter(finished_on__lt=evidence_until).delete()
    statistics, _ = MailboxStatistics.objects.filter(
        mailbox_process_completed_on__lt=now - timedelta(days=policy.statistics_retention_in_days)
    ).delete()
    alerts, _ = TraceLog.objects.filter(
        closed_on__lt=now - timedelta(days=policy.alert_retention_in_days)  # 4.12
    ).delete()
    return Tidied(
        statistics=statistics,
        alerts=alerts,
        evidence=_expire_evidence(evidence_until),
        blobs=sweep_blobs(now, contents_kept(now)),
        addresses=_repair_addresses(),
        hashes=_delete_oldest(EmailHash, "created_on", now - timedelta(days=policy.smart_matching_days)),  # 6.6
        awaited=_delete_oldest(AwaitedAncestor, "ledger_row__decided_on", evidence_until),
    )


def _expire_evidence(before: datetime) -> int:
    """Evidence and sender expire by setting; the verdict, its reason and the identity stay (law 3)."""
    decided = LedgerRow.objects.filter(decided_on__lt=before).exclude(evidence={}, sender="")
    return decided.update(evidence={}, sender="")


def _delete_oldest(model: type[Model], column: str, before: datetime) -> int:
    """Delete rows from the first one on until one is younger: they were written in this order, so no index is needed."""
    count = 0
    while True:
        oldest = list(model._default_manager.order_by("pk").values_list("pk", column)[:CHUNK])
        outlived = [pk for pk, written_on in oldest if written_on is not None and written_on < before]
        model._default_manager.filter(pk__in=outlived).delete()
        count += len(outlived)
        if len(outlived) < CHUNK:
            return count


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
