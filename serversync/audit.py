"""Comparing the ledger with the servers: every folder is listed anew and held against the placements (law 2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Q

from mailboxes.access import AccessIncomplete
from mailboxes.eligibility import skip_reason
from mailboxes.models import Leg, Mailbox, MailboxLeg
from mailboxes.models.settings import current_policy
from mailboxes.policy import Policy
from mailboxes.reach import access_to, leg_facts
from profiles.connectors import open_source
from profiles.connectors.base import ConnectorError, MailSource
from profiles.items import INBOX, SENT
from profiles.secrets import KeyUnavailable
from serversync.cycles.engine import Clock
from tracking.facts.batch import start_of
from tracking.facts.folder_rules import FOLDER_STAMPS, folder_names
from tracking.facts.sent_items import SENT_SINCE, sent_start_of
from tracking.models import Placement, SyncCursor

CHUNK = 500  # keys named in one statement


@dataclass(frozen=True, slots=True)
class Comparison:
    """One folder of one mailbox. `unknown` are keys that the server shows and the ledger does not take for present,
    `vanished` those that it does and the server does not show. `error` or `skipped` says why nothing was compared."""

    mailbox: str
    folder: str
    on_server: int = 0
    older: int = 0
    unknown: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    error: str | None = None
    skipped: str | None = None

    @property
    def agrees(self) -> bool:
        return not (self.unknown or self.vanished or self.error)


def compare_with_servers(clock: Clock) -> list[Comparison]:
    """Every folder that is read of every mailbox. Nothing is changed, neither here nor there."""
    policy = current_policy()
    legs = MailboxLeg.objects.filter(leg=Leg.INCOMING).select_related(
        "mailbox__email_server_profile", "mailbox__regarding_user", "mailbox__regarding_queue"
    )
    return [one for leg in legs.order_by("mailbox__email_address") for one in _compare_mailbox(leg, policy, clock)]


def _compare_mailbox(leg: MailboxLeg, policy: Policy, clock: Clock) -> list[Comparison]:
    mailbox = leg.mailbox
    name = mailbox.email_address or mailbox.name
    reason = skip_reason(leg_facts(mailbox, leg), policy)
    if reason:
        return [Comparison(name, "", skipped=reason)]
    cursors = SyncCursor.objects.filter(leg=leg).exclude(folder__in=(FOLDER_STAMPS, SENT_SINCE)).order_by("folder")
    folders = list(cursors.values_list("folder", flat=True))
    names = folder_names([mailbox.pk])
    try:
        source = open_source(access_to(mailbox, Leg.INCOMING))
    except (AccessIncomplete, KeyUnavailable, ConnectorError) as error:
        return [Comparison(name, "", error=str(error))]
    try:
        return [
            replace(
                _compare_folder(mailbox, name, folder, source, clock(), _start_of(leg, folder)),
                folder=names.get((mailbox.pk, folder), folder),
            )
            for folder in folders or [INBOX]
        ]
    finally:
        source.close()


def _start_of(leg: MailboxLeg, folder: str) -> datetime | None:
    """A tracked folder has no start date."""
    if folder == SENT:
        return sent_start_of(leg.mailbox, leg.pk)
    return start_of(leg.mailbox) if folder == INBOX else None


def _compare_folder(
    mailbox: Mailbox, name: str, folder: str, source: MailSource, begun: datetime, start: datetime | None
) -> Comparison:
    """List first, then read the ledger: what arrives meanwhile is no difference."""
    try:
        listed = list(source.listing(folder))
    except ConnectorError as error:
        return Comparison(name, folder, error=" ".join(part for part in (str(error), error.remedy) if part))
    older = {item.key for item in listed if start and item.received_on and item.received_on < start}
    shown = {item.key for item in listed}
    return Comparison(
        mailbox=name,
        folder=folder,
        on_server=len(shown),
        older=len(older),
        unknown=sorted(shown - older - _known(mailbox, folder, sorted(shown - older), begun)),
        vanished=_vanished(mailbox, folder, shown, begun),
    )


def _known(mailbox: Mailbox, folder: str, keys: list[str], begun: datetime) -> set[str]:
    """Those of the keys that were present by the ledger when the listing began."""
    found: set[str] = set()
    present = Q(gone_on__isnull=True) | Q(gone_on__gte=begun)
    for first in range(0, len(keys), CHUNK):
        placements = Placement.objects.filter(present, mailbox=mailbox, folder=folder)
        some = placements.filter(server_key__in=keys[first : first + CHUNK])
        found.update(some.values_list("server_key", flat=True))
    return found


def _vanished(mailbox: Mailbox, folder: str, shown: set[str], begun: datetime) -> list[str]:
    """Present by the ledger since before the listing began, and not listed."""
    live = Placement.objects.filter(mailbox=mailbox, folder=folder, gone_on__isnull=True, shown_on__lt=begun)
    return sorted(key for key in live.values_list("server_key", flat=True).iterator() if key not in shown)
