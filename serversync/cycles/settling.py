"""SETTLE for one batch: fetch → facts → judge → the whole message where needed → keep (design.md).

One bad item costs one row: whatever goes wrong with it, the others of its batch are settled (law 5).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol
from uuid import UUID

from django.db import IntegrityError, OperationalError

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.models.leg import LeaseLost
from mailboxes.policy import Policy
from profiles.connectors import mime
from profiles.connectors.base import ConnectorError
from profiles.identifiers import uuid7
from profiles.items import Arrival, Missing
from serversync.cycles.report import Report
from tracking.crm.identity import dup_check, stored_message_id
from tracking.crm.models import Blob
from tracking.crm.storage import read, store_all
from tracking.decide.folders import Filed
from tracking.decide.owning import owner_of_email
from tracking.decide.relevance import judge, needs_raw, takes_everything
from tracking.decide.verdicts import LARGEST_EVER, Facts, Known, Message, Verdict
from tracking.facts.batch import facts_for, rows_with, start_of
from tracking.facts.folder_rules import filings_of
from tracking.facts.messages import message_of
from tracking.facts.owners import Owners
from tracking.keep.completing import rest_of
from tracking.keep.emails import KeptEmail, build
from tracking.keep.pending import Waiting, is_last_attempt, note_failure, note_vanished
from tracking.keep.settle import Circumstances, Settled, settle
from tracking.models import Acknowledgement, Explicit, LedgerRow, LedgerState

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Fetched:
    """One pending item with as much of it as the server gave."""

    waiting: Waiting
    arrival: Arrival
    message: Message
    parsed: mime.Message | None = None


class Fetching(Protocol):
    """The part of a connection that settling needs (`MailSource.fetch`)."""

    def fetch(self, keys: Sequence[str], *, raw: bool) -> Iterator[Arrival | Missing]: ...


@dataclass
class Settling:
    """Settles batches of one folder of one mailbox with one connection; `outgoing` if that is Sent Items (5.3),
    or of tracked folders, of which `rules` names the rule of each (9.3): there lies what was received and what was sent.

    `through` is the forward mailbox that is read for this mailbox (8.2): what is said to the server is said there.
    """

    mailbox: Mailbox
    source: Fetching
    lease: Lease
    policy: Policy
    now: datetime
    report: Report
    transport_gives_raw: bool
    can_categorize: bool
    outgoing: bool = False
    through: Mailbox | None = None
    rules: Mapping[str, UUID] = field(default_factory=dict)
    start: datetime | None = field(init=False)
    filings: dict[UUID, Filed] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.start = start_of(self.mailbox)

    @cached_property
    def owners(self) -> Owners:
        return Owners(self.mailbox, self.policy)

    def settle(self, batch: Sequence[Waiting]) -> None:
        """Bring every item of the batch to a verdict, to a later try, or to "gone". Raises ConnectorError, LeaseLost."""
        whole = self.transport_gives_raw or takes_everything(self.owners.candidates) or bool(self.rules)
        self._learn_filings(batch)
        fetched: list[Fetched] = []
        for waiting, result in self._fetch(batch, whole):
            try:
                fetched.append(self._read(waiting, result))
            except (ConnectorError, LeaseLost, OperationalError):
                raise
            except Exception as error:
                self._fail(waiting, error, result.raw)
        sent = [one for one in fetched if self._is_sent_from_here(one)]
        received = [one for one in fetched if one not in sent]
        if received:
            self._settle_group(received)
        if sent:
            replace(self, outgoing=True)._settle_group(sent)

    def _is_sent_from_here(self, one: Fetched) -> bool:
        """Whether a message in a tracked folder is one that the owner of the mailbox has sent (5.3, 9.3)."""
        sender = one.message.envelope.sender
        if not self.rules or self.outgoing or sender is None:
            return False
        return sender.key == self.mailbox.email_address.lower()

    def _learn_filings(self, batch: Sequence[Waiting]) -> None:
        """9.3: what the rules of their folders say about these messages; one select for rules that are new here. The rule
        that covers the folder now counts, not the one under which the message was discovered (9.5)."""
        named = {rule for waiting in batch if (rule := self._rule(waiting)) is not None}
        if unknown := named - self.filings.keys():
            self.filings |= filings_of(unknown)

    def _rule(self, waiting: Waiting) -> UUID | None:
        return self.rules.get(waiting.placement.folder, waiting.row.tracking_folder_id)

    def _filed(self, waiting: Waiting) -> Filed | None:
        rule = self._rule(waiting)
        return None if rule is None else self.filings.get(rule)

    def _fetch(self, batch: Sequence[Waiting], raw: bool) -> Iterator[tuple[Waiting, Arrival]]:
        """What the server still has; what it has no more is noted as gone, what it cannot give as a failure.

        A message that was put in quarantine is read from the bytes that were kept, not once more from the server.
        """
        yield from ((waiting, _kept_arrival(waiting)) for waiting in batch if waiting.row.raw_id)
        there = [waiting for waiting in batch if not waiting.row.raw_id]
        huge = [waiting for waiting in there if self._is_too_large(waiting, waiting.row.size)]
        yield from self._ask_for([waiting for waiting in there if waiting not in huge], raw)
        yield from self._ask_for(huge, raw=False)

    def _ask_for(self, some: Sequence[Waiting], raw: bool) -> Iterator[tuple[Waiting, Arrival]]:
        if not some:
            return
        by_key = {waiting.placement.server_key: waiting for waiting in some}
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
        is_truncated = self._is_too_large(waiting, arrival.size) and not waiting.row.raw_id  # 5.19
        if is_truncated:
            arrival = replace(arrival, raw=None)
        elif arrival.raw is None and needs_raw(
            envelope, transport_gives_raw=False, is_forward_mailbox=self.mailbox.is_forward_mailbox
        ):
            arrival = self._whole(arrival)
        parsed = None
        if not envelope.message_id and arrival.raw is not None:
            parsed = mime.message(arrival.raw, read=envelope)
        # What is fetched now may be the rest of a message of which the header is kept.
        known_key = (waiting.row.content_key if waiting.row.email_id else "") or ""
        filed = self._filed(waiting)
        by_a_rule_that_is_gone = waiting.row.explicit == Explicit.FOLDER and filed is None  # 9.5
        message = message_of(
            envelope,
            arrival.raw,
            parsed,
            key=known_key,
            size=arrival.size or waiting.row.size,
            received_on=arrival.received_on or waiting.row.received_on,
            explicit=Explicit.NO if by_a_rule_that_is_gone else waiting.row.explicit,
            filed=filed,
            is_truncated=is_truncated,
        )
        return Fetched(waiting, arrival, message, parsed)

    def _is_too_large(self, waiting: Waiting, size: int) -> bool:
        """Whether only the header is taken (5.19). Where a person asked for the message, more is taken, but not anything."""
        asked_for = waiting.row.explicit == Explicit.PERSON
        return size > (LARGEST_EVER if asked_for else self.policy.maximum_message_size)

    def _was_too_large(self, one: Fetched) -> bool:
        """Whether the message is here in spite of its size: an email that has only its header gets the rest."""
        return one.message.size > self.policy.maximum_message_size and not one.message.is_truncated

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
        facts = facts_for(messages, self.owners, self.start, self.now, outgoing=self.outgoing)
        existing = rows_with(self.mailbox, [message.key for message in messages])
        judged = [(one, *self._judge(one, facts, _repeats_another(one, existing))) for one in group]
        kept = [one for one, _, email_id in judged if email_id is not None]
        grown = [one for one, verdict, _ in judged if verdict.same_as is not None and self._was_too_large(one)]
        self._complete([*kept, *grown])
        blobs = self._store([*kept, *grown])
        batch = [
            Settled(
                one.waiting,
                one.message,
                verdict,
                self._rows(one, verdict, facts, email_id, blobs),
                self._rest(one, verdict, blobs) if one in grown else None,
            )
            for one, verdict, email_id in judged
        ]
        around = Circumstances(
            self.mailbox,
            self.policy,
            self.now,
            self.can_categorize,
            self.lease.pin,
            may_delete=not self.outgoing and self.through is None and not self.rules,
            through=self.through,
        )
        reached = settle(batch, existing, around)
        self.report.tracked += reached["tracked"]
        self.report.ignored += reached["ignored"]

    def _judge(self, one: Fetched, facts: Facts, repeated_here: bool) -> tuple[Verdict, UUID | None]:
        """The verdict, and the id of the new email if there will be one; later messages of the batch know it at once."""
        verdict = judge(one.message, facts, self.policy)
        if not verdict.kept or verdict.same_as is not None or repeated_here:
            return verdict, None
        email_id = uuid7()
        reader_id = "" if self.mailbox.owner_id is None else str(self.mailbox.owner_id)
        owner_id = owner_of_email(one.message, verdict, facts, self.policy, reader_id)
        known = _known(email_id, one.message, verdict, self.outgoing, owner_id)
        facts.note_kept(one.message, known, self.policy)
        return verdict, email_id

    def _complete(self, kept: Sequence[Fetched]) -> None:
        """Fetch the whole of those messages of which only the headers are here. Raises ValueError if one has vanished."""
        by_key = {one.arrival.key: one for one in kept if one.arrival.raw is None and not one.message.is_truncated}
        for result in self.source.fetch(list(by_key), raw=True) if by_key else ():
            self.lease.progress()
            if isinstance(result, Missing):
                raise ValueError(result.error or "it vanished while it was read")
            by_key[result.key].arrival = result

    def _store(self, kept: Sequence[Fetched]) -> dict[str, Blob]:
        """The bytes of the kept messages are on disk before anything refers to them (law 3). Blobs by key of the item."""
        whole = [one for one in kept if not one.message.is_truncated]
        blobs = store_all([_whole_of(one) for one in whole], self.now)
        return {one.arrival.key: blob for one, blob in zip(whole, blobs, strict=True)}

    def _rows(
        self, one: Fetched, verdict: Verdict, facts: Facts, email_id: UUID | None, blobs: Mapping[str, Blob]
    ) -> KeptEmail | None:
        """The rows of a message that is kept as a new email, else None."""
        if email_id is None:
            return None
        blob = blobs.get(one.arrival.key)
        parsed = one.parsed or _parsed(one)
        kept = build(one.message, parsed, blob, verdict, facts, self.mailbox, self.policy, self.now, email_id)
        if self.through is not None:
            kept.email.receiving_mailbox_id = self.through.pk  # 5.7: the mailbox that was read
        return kept

    def _rest(self, one: Fetched, verdict: Verdict, blobs: Mapping[str, Blob]) -> KeptEmail:
        """The content of a message of which only the header was kept so far."""
        assert verdict.same_as is not None, "it repeats an email"
        return rest_of(verdict.same_as.id, one.message, _parsed(one), blobs[one.arrival.key], self.policy)

    def _fail(self, waiting: Waiting, error: Exception, raw: bytes | None, *, at_once: bool = False) -> None:
        log.warning("item %s of mailbox %s failed: %s", waiting.row.pk, self.mailbox.pk, type(error).__name__)
        if raw is None and is_last_attempt(waiting, self.policy):
            raw = self._bytes_to_keep(waiting)
        words = f"{type(error).__name__}: {error}"
        state = note_failure(waiting, words, raw, self.policy, self.now, self.lease.pin, self._then(), at_once=at_once)
        self.report.failed += 1
        self.report.quarantined += state == LedgerState.QUARANTINED

    def _bytes_to_keep(self, waiting: Waiting) -> bytes | None:
        """What goes into quarantine keeps its bytes (law 5), also where only its header was read so far."""
        if waiting.row.raw_id or waiting.placement.gone_on or self._is_too_large(waiting, waiting.row.size):
            return None
        result = next(iter(self.source.fetch([waiting.placement.server_key], raw=True)))
        return None if isinstance(result, Missing) else result.raw

    def _then(self) -> Acknowledgement:
        """What the owner sees in the mailbox of a message that could not be tracked (5.22, 2.10)."""
        profile = self.mailbox.email_server_profile
        if not self.can_categorize:
            return Acknowledgement.NONE
        if profile is not None and profile.move_undelivered_emails:
            return Acknowledgement.MOVE_UNDELIVERABLE
        return Acknowledgement.CATEGORIZE_UNDELIVERABLE


def _parsed(one: Fetched) -> mime.Message:
    """All that the message says; of one that is too large, only its header."""
    envelope = one.message.envelope
    return mime.Message(envelope) if one.message.is_truncated else mime.message(_whole_of(one), read=envelope)


def _repeats_another(one: Fetched, existing: Mapping[str, LedgerRow]) -> bool:
    """Whether another row of this mailbox stands for the message; a row that is judged once more is no repetition."""
    first = existing.get(one.message.key)
    return first is not None and first.pk != one.waiting.row.pk


def _whole_of(one: Fetched) -> bytes:
    if one.arrival.raw is None:
        raise ValueError("the server did not give the message")
    return one.arrival.raw


def _kept_arrival(waiting: Waiting) -> Arrival:
    raw = read(waiting.row.raw_id or "")
    return Arrival(waiting.placement.server_key, len(raw), raw, raw, waiting.row.received_on)


def _known(email_id: UUID, message: Message, verdict: Verdict, outgoing: bool, owner_id: str) -> Known:
    parent, filed = verdict.correlation.email, message.filed
    about = (parent.regarding_type_id, parent.regarding_id, parent.regarding_name) if parent else (None, "", "")
    if filed is not None and filed.record is not None:  # 9.3
        about = (filed.type_id, filed.record_id, filed.name)
    return Known(
        id=email_id,
        message_id=stored_message_id(message.message_id),
        subject=message.envelope.subject,
        conversation=parent.conversation if parent else email_id,
        regarding_type_id=about[0],
        regarding_id=about[1],
        regarding_name=about[2],
        outgoing=outgoing,
        guard=dup_check(message.key, outgoing),
        owner_id=owner_id,
    )
