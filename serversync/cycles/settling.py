"""SETTLE for one batch: fetch → facts → judge → the whole message where needed → keep (design.md).

One bad item costs one row: whatever goes wrong with it, the others of its batch are settled (law 5).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db import IntegrityError, OperationalError

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.models.leg import LeaseLost
from mailboxes.policy import Policy
from profiles.connectors import mime
from profiles.connectors.base import ConnectorError, MailSource
from profiles.identifiers import uuid7
from profiles.items import Arrival, Missing
from serversync.cycles.report import Report
from tracking.crm.identity import content_key, stored_message_id, synthetic_message_id
from tracking.crm.models import Blob
from tracking.crm.storage import read, store_all
from tracking.decide.relevance import judge, needs_raw, takes_everything
from tracking.decide.verdicts import Candidate, Facts, Known, Message, Verdict
from tracking.facts.batch import facts_for, rows_with, start_of
from tracking.facts.people import candidates_of
from tracking.keep.emails import KeptEmail, build
from tracking.keep.pending import Waiting, note_failure, note_vanished
from tracking.keep.settle import Circumstances, Settled, settle
from tracking.models import LedgerState

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Fetched:
    """One pending item with as much of it as the server gave."""

    waiting: Waiting
    arrival: Arrival
    message: Message
    parsed: mime.Message | None = None


@dataclass
class Settling:
    """Settles batches of one mailbox with one connection."""

    mailbox: Mailbox
    source: MailSource
    lease: Lease
    policy: Policy
    now: datetime
    report: Report
    transport_gives_raw: bool
    can_categorize: bool
    start: datetime | None = field(init=False)

    def __post_init__(self) -> None:
        self.start = start_of(self.mailbox)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        return candidates_of(self.mailbox)

    def settle(self, batch: Sequence[Waiting]) -> None:
        """Bring every item of the batch to a verdict, to a later try, or to "gone". Raises ConnectorError, LeaseLost."""
        whole = self.transport_gives_raw or takes_everything(self.candidates)
        fetched: list[Fetched] = []
        for waiting, result in self._fetch(batch, whole):
            try:
                fetched.append(self._read(waiting, result))
            except (ConnectorError, LeaseLost, OperationalError):
                raise
            except Exception as error:
                self._fail(waiting, error, result.raw)
        if fetched:
            self._settle_group(fetched)

    def _fetch(self, batch: Sequence[Waiting], raw: bool) -> Iterator[tuple[Waiting, Arrival]]:
        """What the server still has; what it has no more is noted as gone, what it cannot give as a failure.

        A message that was put in quarantine is read from the bytes that were kept, not once more from the server.
        """
        yield from ((waiting, _kept_arrival(waiting)) for waiting in batch if waiting.row.raw_id)
        by_key = {waiting.placement.server_key: waiting for waiting in batch if not waiting.row.raw_id}
        vanished: list[Waiting] = []
        for result in self.source.fetch(list(by_key), raw=raw):
            self.lease.progress()
            waiting = by_key[result.key]
            if isinstance(result, Arrival):
                yield waiting, result
            elif result.gone:
                vanished.append(waiting)
            else:
                self._fail(waiting, ValueError(result.error), None)
        note_vanished(vanished, self.now, self.lease.pin)

    def _read(self, waiting: Waiting, arrival: Arrival) -> Fetched:
        """Work out what the item says about itself, asking for the whole of it where its headers do not do."""
        envelope = mime.envelope(arrival.headers)
        if arrival.raw is None and needs_raw(
            envelope, transport_gives_raw=False, is_forward_mailbox=self.mailbox.is_forward_mailbox
        ):
            arrival = self._whole(arrival)
        parsed = None
        if not envelope.message_id and arrival.raw is not None:
            parsed = mime.message(arrival.raw, read=envelope)
        key = content_key(envelope, (parsed.text or parsed.html) if parsed else "")
        message = Message(
            envelope=envelope,
            key=key,
            message_id=envelope.message_id or synthetic_message_id(key),
            size=arrival.size or waiting.row.size,
            received_on=arrival.received_on or waiting.row.received_on,
        )
        return Fetched(waiting, arrival, message, parsed)

    def _whole(self, arrival: Arrival) -> Arrival:
        """The same item with all its bytes. Raises ValueError when the server cannot give them."""
        result = next(iter(self.source.fetch([arrival.key], raw=True)))
        self.lease.progress()
        if isinstance(result, Missing):
            raise ValueError(result.error or "it vanished while it was read")
        return result

    def _settle_group(self, group: Sequence[Fetched], again: bool = True) -> None:
        """Settle together; if that fails, with fresh facts; if that fails too, one by one."""
        try:
            self._settle_once(group)
        except (ConnectorError, LeaseLost, OperationalError):
            raise
        except Exception as error:
            if isinstance(error, IntegrityError) and again:  # another worker kept one of these a moment ago
                self._settle_group(group, again=False)
            elif len(group) == 1:
                self._fail(group[0].waiting, error, group[0].arrival.raw)
            else:
                for one in group:
                    self._settle_group([one])

    def _settle_once(self, group: Sequence[Fetched]) -> None:
        messages = [one.message for one in group]
        facts = facts_for(messages, self.candidates, self.start)
        existing = rows_with(self.mailbox, [message.key for message in messages])
        judged = [(one, *self._judge(one, facts, one.message.key in existing)) for one in group]
        kept = [one for one, _, email_id in judged if email_id is not None]
        self._complete(kept)
        blobs = self._store(kept)
        batch = [
            Settled(one.waiting, one.message, verdict, self._rows(one, verdict, facts, email_id, blobs))
            for one, verdict, email_id in judged
        ]
        around = Circumstances(self.mailbox, self.policy, self.now, self.can_categorize, self.lease.pin)
        reached = settle(batch, existing, around)
        self.report.tracked += reached["tracked"]
        self.report.ignored += reached["ignored"]

    def _judge(self, one: Fetched, facts: Facts, repeated_here: bool) -> tuple[Verdict, UUID | None]:
        """The verdict, and the id of the new email if there will be one; later messages of the batch know it at once."""
        verdict = judge(one.message, facts, self.policy)
        if not verdict.kept or verdict.same_as is not None or repeated_here:
            return verdict, None
        email_id = uuid7()
        facts.note_kept(one.message, _known(email_id, one.message, verdict))
        return verdict, email_id

    def _complete(self, kept: Sequence[Fetched]) -> None:
        """Fetch the whole of those messages of which only the headers are here. Raises ValueError if one has vanished."""
        by_key = {one.arrival.key: one for one in kept if one.arrival.raw is None}
        for result in self.source.fetch(list(by_key), raw=True) if by_key else ():
            self.lease.progress()
            if isinstance(result, Missing):
                raise ValueError(result.error or "it vanished while it was read")
            by_key[result.key].arrival = result

    def _store(self, kept: Sequence[Fetched]) -> dict[str, Blob]:
        """The bytes of the kept messages are on disk before anything refers to them (law 3). Blobs by key of the item."""
        blobs = store_all([_whole_of(one) for one in kept], self.now)
        return {one.arrival.key: blob for one, blob in zip(kept, blobs, strict=True)}

    def _rows(
        self, one: Fetched, verdict: Verdict, facts: Facts, email_id: UUID | None, blobs: Mapping[str, Blob]
    ) -> KeptEmail | None:
        """The rows of a message that is kept as a new email, else None."""
        if email_id is None:
            return None
        parsed = one.parsed or mime.message(_whole_of(one), read=one.message.envelope)
        blob = blobs[one.arrival.key]
        return build(one.message, parsed, blob, verdict, facts, self.mailbox, self.policy, self.now, email_id)

    def _fail(self, waiting: Waiting, error: Exception, raw: bytes | None) -> None:
        log.warning("item %s of mailbox %s failed: %s", waiting.row.pk, self.mailbox.pk, type(error).__name__)
        state = note_failure(waiting, f"{type(error).__name__}: {error}", raw, self.policy, self.now, self.lease.pin)
        self.report.failed += 1
        self.report.quarantined += state == LedgerState.QUARANTINED


def _whole_of(one: Fetched) -> bytes:
    if one.arrival.raw is None:
        raise ValueError("the server did not give the message")
    return one.arrival.raw


def _kept_arrival(waiting: Waiting) -> Arrival:
    raw = read(waiting.row.raw_id or "")
    return Arrival(waiting.placement.server_key, len(raw), raw, raw, waiting.row.received_on)


def _known(email_id: UUID, message: Message, verdict: Verdict) -> Known:
    parent = verdict.correlation.email
    return Known(
        id=email_id,
        message_id=stored_message_id(message.message_id),
        subject=message.envelope.subject,
        conversation=parent.conversation if parent else email_id,
        regarding_type_id=parent.regarding_type_id if parent else None,
        regarding_id=parent.regarding_id if parent else "",
        regarding_name=parent.regarding_name if parent else "",
        outgoing=False,
    )
