"""A change of the rules on paper: which of the newest messages on the server would be tracked now, and which then.

Nothing is written, neither here nor on the server. Every message is judged as if it came in now: that it is tracked
already counts for what answers it, not for itself. The leg is not claimed; where its server could be disturbed, the dry
run is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from mailboxes import brake
from mailboxes.access import AccessIncomplete
from mailboxes.eligibility import skip_reason
from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization
from mailboxes.policy import Policy, policy_from
from mailboxes.reach import access_to, leg_facts
from profiles.connectors import mime, open_source
from profiles.connectors.base import ConnectorError, MailSource
from profiles.identifiers import uuid7
from profiles.items import INBOX, Access, Arrival, Shown, Transport
from profiles.models import CredentialRetrieval
from profiles.secrets import KeyUnavailable
from serversync.cycles import outcome
from tracking.crm.identity import dup_check, stored_message_id
from tracking.decide.exclusions import Exclusions
from tracking.decide.privacy import is_marked_private
from tracking.decide.relevance import judge, needs_raw
from tracking.decide.verdicts import REASON_TEXTS, Candidate, Facts, Filter, Known, Message, Verdict
from tracking.facts.batch import facts_for, start_of
from tracking.facts.messages import message_of
from tracking.facts.owners import Owners
from tracking.facts.placed import explicit_by_key

USUAL, MOST = 200, 2_000
AT_ONCE = 50  # messages fetched, and judged, together
BUDGET = timedelta(seconds=20)
Clock = Callable[[], datetime]
_SLOTS = BoundedSemaphore(2)  # at once in one process: nobody waits for a page because of others' dry runs


class NotPossible(Exception):
    """No dry run now; `str()` is a sentence for people."""


class _OutOfTime(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be changed. None leaves a thing as it is; `forget_start` removes the start date."""

    takes: int | None = None  # the filter of the owner of the mailbox (5.4)
    overrides: Mapping[str, Any] | None = None  # all that the organization would override
    start: datetime | None = None  # of the mailbox (2.10)
    forget_start: bool = False
    exclude: Exclusions = field(default_factory=Exclusions)  # would be excluded by the owner as well
    allow: Exclusions = field(default_factory=Exclusions)  # would no longer be


@dataclass(frozen=True, slots=True)
class Difference:
    """One message that would be treated differently. `is_private`: whoever wrote it marked it so."""

    message_id: str
    date: datetime | None
    sender: str
    subject: str
    is_private: bool
    kept_before: bool
    reason_before: str
    kept_after: bool
    reason_after: str


@dataclass(slots=True)
class Result:
    """What came of it. `on_server` messages were listed; `looked_at` of the newest were judged."""

    mailbox: Mailbox
    on_server: int = 0
    wanted: int = 0
    looked_at: int = 0
    unreadable: int = 0
    out_of_time: bool = False
    tracked_before: int = 0
    tracked_after: int = 0
    other_reason: int = 0  # the same verdict for another reason
    differences: list[Difference] = field(default_factory=list)

    @property
    def gained(self) -> int:
        """How many would be tracked that are not by the rules of now."""
        return sum(one.kept_after for one in self.differences)

    @property
    def lost(self) -> int:
        """How many would no longer be tracked."""
        return len(self.differences) - self.gained


def dry_run(
    mailbox: Mailbox, proposal: Proposal, clock: Clock, last: int = USUAL, budget: timedelta = BUDGET
) -> Result:
    """Judge the newest messages of the inbox by the rules of now and by those proposed. Raises NotPossible."""
    began = clock()
    access = _access(mailbox, began)
    if not _SLOTS.acquire(blocking=False):
        raise NotPossible("Others are trying something out just now. Try again in a moment.")
    try:
        result = Result(mailbox, wanted=max(1, min(last, MOST)))
        messages = _read(access, mailbox, result, clock, began + budget)
        _compare(messages, mailbox, proposal, result, began)
        return result
    finally:
        _SLOTS.release()


# The server


def _access(mailbox: Mailbox, now: datetime) -> Access:
    """The way to the server, if it may be gone now. A direction that is not enabled yet may be looked at."""
    leg = MailboxLeg.objects.get(mailbox=mailbox, leg=Leg.INCOMING)
    organization = Organization.current()
    if mailbox.is_forward_mailbox:
        raise NotPossible("A forward mailbox has no filter. Choose the mailbox of somebody who forwards to it.")
    pause = outcome.pause_of(mailbox, Leg.INCOMING, now)
    reason = (
        skip_reason(replace(leg_facts(mailbox, leg), enabled=True), organization.policy())
        or brake.reason_to_wait(organization, mailbox, Leg.INCOMING)
        or (f"The server answered nobody lately; it is asked again at {pause:%H:%M} UTC." if pause else "")
    )
    if reason:
        raise NotPossible(reason)
    try:
        access = access_to(mailbox, Leg.INCOMING)
    except (AccessIncomplete, KeyUnavailable) as error:
        raise NotPossible(str(error)) from error
    if access.transport is Transport.POP3 and leg.leased_until is not None and leg.leased_until >= now:
        # RFC 1939, 3: only one session may have the maildrop
        raise NotPossible("The mailbox is being synchronized just now. Try again in a moment.")
    if _all_connections_used(mailbox, now):
        raise NotPossible("All connections that this profile may have are in use. Try again in a moment.")
    return access


def _all_connections_used(mailbox: Mailbox, now: datetime) -> bool:
    profile = mailbox.email_server_profile
    if profile is None or profile.incoming_credential_retrieval != CredentialRetrieval.SPECIFIED_IN_PROFILE:
        return False
    held = MailboxLeg.objects.filter(mailbox__email_server_profile=profile, leased_until__gte=now).count()
    return held >= profile.max_concurrent_connections  # 2.10


def _read(access: Access, mailbox: Mailbox, result: Result, clock: Clock, until: datetime) -> list[Message]:
    """The newest messages, oldest first, as many as the time allows. Raises NotPossible if none could be read."""

    def progress() -> None:
        if clock() >= until:
            raise _OutOfTime

    access = replace(access, timeout=min(access.timeout, max(1.0, (until - clock()).total_seconds())))
    found: list[Message] = []
    try:
        with _opened(access, progress) as source:
            listed = list(source.listing(INBOX))
            result.on_server = len(listed)
            newest = listed[-result.wanted :][::-1]
            for first in range(0, len(newest), AT_ONCE):
                progress()
                found += _messages(source, mailbox, newest[first : first + AT_ONCE], result)
    except _OutOfTime:
        result.out_of_time = True
        if not found:
            raise NotPossible(
                "The server took too long to list the mailbox. `manage.py dry_run --seconds` may take longer."
            ) from None
    except ConnectorError as error:
        raise NotPossible(" ".join(part for part in (str(error), error.remedy) if part)) from error
    result.looked_at = len(found)
    return found[::-1]


@contextmanager
def _opened(access: Access, progress: Callable[[], None]) -> Iterator[MailSource]:
    source = open_source(access, progress)
    try:
        yield source
    finally:
        source.close()


def _messages(source: MailSource, mailbox: Mailbox, shown: Sequence[Shown], result: Result) -> list[Message]:
    """These messages by their headers; whole only where headers do not do (`needs_raw`)."""
    keys, policy = [one.key for one in shown], Organization.current().policy()
    headers = {one.key: one for one in source.fetch(keys, raw=False) if isinstance(one, Arrival)}
    envelopes = {key: mime.envelope(one.headers) for key, one in headers.items()}
    whole = [
        key
        for key, envelope in envelopes.items()
        if needs_raw(envelope, transport_gives_raw=False, is_forward_mailbox=False)
        and headers[key].size <= policy.maximum_message_size
    ]
    if whole:
        headers |= {one.key: one for one in source.fetch(whole, raw=True) if isinstance(one, Arrival)}
    explicit = explicit_by_key(mailbox, INBOX, keys)
    result.unreadable += len(keys) - len(headers)
    return [_message(headers[key], envelopes[key], explicit.get(key, 0)) for key in keys if key in headers]


def _message(arrival: Arrival, envelope: mime.Envelope, explicit: int) -> Message:
    raw = arrival.raw
    parsed = mime.message(raw, read=envelope) if raw is not None and not envelope.message_id else None
    return message_of(envelope, raw, parsed, size=arrival.size, received_on=arrival.received_on, explicit=explicit)


# The rules


@dataclass(slots=True)
class _Rules:
    """One set of rules, and what was kept by it so far."""

    policy: Policy
    owners: Owners
    candidates: tuple[Candidate, ...]
    start: datetime | None
    kept: list[tuple[Message, Known, bool]] = field(default_factory=list)  # the last: whether it is stored

    def verdicts(self, messages: Sequence[Message], now: datetime) -> Iterator[Verdict]:
        """Judge a batch in its order; later messages know what was kept before."""
        facts, stored = self._facts(messages, now)
        for message in messages:
            own = stored.get(_guard(message))
            verdict = judge(message, _without(facts, own), self.policy)
            if verdict.kept and verdict.same_as is None:
                self._note(facts, message, own or _known(message, verdict), is_stored=own is not None)
            yield verdict

    def _facts(self, messages: Sequence[Message], now: datetime) -> tuple[Facts, dict[UUID, Known]]:
        """The facts as if none of these messages were tracked, and those that are, by their guards."""
        facts = facts_for(messages, self.owners, self.start, now)
        guards = {_guard(message) for message in messages} & facts.by_dup_check.keys()
        stored = {guard: facts.by_dup_check.pop(guard) for guard in guards}
        own = {one.key: one for one in self.candidates if one.key in facts.owners}
        facts = replace(facts, candidates=self.candidates, owners={**facts.owners, **own})
        for message, known, is_stored in self.kept:
            _enter(facts, message, known, self.policy, is_stored)
        return facts, stored

    def _note(self, facts: Facts, message: Message, known: Known, *, is_stored: bool) -> None:
        self.kept.append((message, known, is_stored))
        _enter(facts, message, known, self.policy, is_stored)


def _enter(facts: Facts, message: Message, known: Known, policy: Policy, is_stored: bool) -> None:
    """What is stored is among the facts already, but for its being the same."""
    if is_stored:
        facts.by_dup_check[_guard(message)] = known
    else:
        facts.note_kept(message, known, policy)


def _guard(message: Message) -> UUID:
    return dup_check(message.key, outgoing=False)


def _without(facts: Facts, own: Known | None) -> Facts:
    """The facts without what leads from a message to itself."""
    if own is None:
        return facts
    threads = facts.threads
    return replace(
        facts,
        threads=replace(
            threads,
            by_token={key: [one for one in some if one.id != own.id] for key, some in threads.by_token.items()},
            by_index={key: [one for one in some if one.id != own.id] for key, some in threads.by_index.items()},
            fingerprints=[pair for pair in threads.fingerprints if pair[0].id != own.id],
        ),
    )


def _known(message: Message, verdict: Verdict) -> Known:
    email_id, parent = uuid7(), verdict.correlation.email
    return Known(
        id=email_id,
        message_id=stored_message_id(message.message_id),
        subject=message.envelope.subject,
        conversation=parent.conversation if parent else email_id,
        regarding_type_id=parent.regarding_type_id if parent else None,
        regarding_id=parent.regarding_id if parent else "",
        regarding_name=parent.regarding_name if parent else "",
        outgoing=False,
        guard=_guard(message),
    )


def _rules_of_now(mailbox: Mailbox) -> _Rules:
    policy = Organization.current().policy()
    owners = Owners(mailbox, policy)
    return _Rules(policy, owners, owners.candidates, start_of(mailbox))


def _rules_proposed(mailbox: Mailbox, proposal: Proposal) -> _Rules:
    overrides = Organization.current().overrides if proposal.overrides is None else proposal.overrides
    policy = policy_from(overrides)
    owners = Owners(mailbox, policy)
    start = start_of(mailbox)
    if proposal.start is not None or proposal.forget_start:
        profile = mailbox.email_server_profile
        dates = [proposal.start, profile.process_emails_received_after if profile else None]
        start = max((one for one in dates if one is not None), default=None)
    forced = mailbox.regarding_user_id is not None and policy.sss_force_filtering_method_for_user_mailboxes >= 0
    takes = None if forced else proposal.takes  # 5.5
    return _Rules(policy, owners, tuple(_proposed(one, takes, proposal) for one in owners.candidates), start)


def _proposed(one: Candidate, takes: int | None, proposal: Proposal) -> Candidate:
    more, less, now = proposal.exclude, proposal.allow, one.exclusions
    exclusions = Exclusions(
        (now.addresses | more.addresses) - less.addresses,
        (now.domains | more.domains) - less.domains,
        (now.threads | more.threads) - less.threads,
    )
    return replace(one, filter=one.filter if takes is None else Filter(takes), exclusions=exclusions)


def _compare(messages: Sequence[Message], mailbox: Mailbox, proposal: Proposal, result: Result, now: datetime) -> None:
    before, after = _rules_of_now(mailbox), _rules_proposed(mailbox, proposal)
    for first in range(0, len(messages), AT_ONCE):
        batch = messages[first : first + AT_ONCE]
        for message, was, will in zip(batch, before.verdicts(batch, now), after.verdicts(batch, now), strict=True):
            result.tracked_before += was.kept
            result.tracked_after += will.kept
            if was.kept != will.kept:
                result.differences.append(_difference(message, was, will))
            elif was.reason != will.reason:
                result.other_reason += 1
    result.differences.reverse()  # the newest first


def _difference(message: Message, was: Verdict, will: Verdict) -> Difference:
    envelope = message.envelope
    return Difference(
        message_id=message.message_id,
        date=message.received_on or envelope.date,
        sender=envelope.sender.key if envelope.sender else "",
        subject=envelope.subject,
        is_private=is_marked_private(envelope.headers),
        kept_before=was.kept,
        reason_before=REASON_TEXTS[was.reason],
        kept_after=will.kept,
        reason_after=REASON_TEXTS[will.reason],
    )


def exclusions_from(words: Sequence[str]) -> Exclusions:
    """Addresses, domains, and conversations (an id, or a Message-ID in angle brackets) as they are written."""
    kinds: dict[str, set[str]] = {"addresses": set(), "domains": set(), "threads": set()}
    for word in (one.strip().lower() for one in words):
        if word.startswith("<") or _is_uuid(word):
            kinds["threads"].add(word)
        elif "@" in word.strip("@"):
            kinds["addresses"].add(word)
        elif word:
            kinds["domains"].add(word.lstrip("@"))
    return Exclusions(**{kind: frozenset(values) for kind, values in kinds.items()})


def _is_uuid(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True
