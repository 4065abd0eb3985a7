"""The values decisions take and give. Frozen, plain, explainable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from mailboxes.policy import Policy
from profiles.connectors.mime import Address, Envelope, Report
from tracking.crm.identity import dup_check
from tracking.decide.exclusions import NOTHING_EXCLUDED, Exclusions
from tracking.decide.folders import Filed
from tracking.decide.threads import Threads


class Reason(IntEnum):
    """5.8 up to 7; ours from 100 on. `REASON_TEXTS` says each in a sentence."""

    UNKNOWN = -1
    DUPLICATE = 0
    NO_CORRELATION_MATCH = 1
    CORRELATION_MATCH = 2
    NO_RECIPIENT_MATCH = 3
    INTERNAL_EMAIL_REJECT = 4
    SENDER_MATCH = 5
    ACCEPT_ALL = 6
    INVALID_SENDER = 7
    NO_SENDER_MATCH = 100
    FILTER_TAKES_NOTHING = 101
    BEFORE_START_DATE = 102
    OUR_OWN_COPY = 103
    TOO_LARGE = 104
    IGNORED_BY_A_PERSON = 105
    OUR_TEST_MESSAGE = 106
    EXCLUDED = 107
    REMOVED_BEFORE = 108
    TRACKED_BY_A_PERSON = 109
    TRACKED_BY_CATEGORY = 110
    CATEGORY_REMOVED = 111
    RIGHTS_PROTECTED = 112
    TRACKED_BY_FOLDER = 113
    UNPACKED = 114


REASON_TEXTS: Mapping[int, str] = {
    Reason.UNKNOWN: "The reason is not known.",
    Reason.DUPLICATE: "The same message was already tracked; this copy was joined to it.",
    Reason.NO_CORRELATION_MATCH: "It does not answer any email that is tracked, and the filter takes only responses.",
    Reason.CORRELATION_MATCH: "It answers an email that is tracked.",
    Reason.NO_RECIPIENT_MATCH: "No recipient is a user or queue whose filter could take it.",
    Reason.INTERNAL_EMAIL_REJECT: "It is internal mail.",
    Reason.SENDER_MATCH: "The sender is a record that the filter takes.",
    Reason.ACCEPT_ALL: "The filter takes all messages.",
    Reason.INVALID_SENDER: "The sender's address is missing or malformed.",
    Reason.NO_SENDER_MATCH: "The sender is no record that the filter takes.",
    Reason.FILTER_TAKES_NOTHING: "The filter takes no messages.",
    Reason.BEFORE_START_DATE: "It is older than the start date of the mailbox.",
    Reason.OUR_OWN_COPY: "It is the copy of an email that was sent from here.",
    Reason.TOO_LARGE: "It is larger than the largest message that is taken.",
    Reason.IGNORED_BY_A_PERSON: "A person decided that it does not matter.",
    Reason.OUR_TEST_MESSAGE: "It was sent from here to test the mailbox.",
    Reason.EXCLUDED: "Its address, domain or conversation is never to be tracked.",
    Reason.REMOVED_BEFORE: "It was removed here before, and what was removed stays removed.",
    Reason.TRACKED_BY_A_PERSON: "A person asked to track it.",
    Reason.TRACKED_BY_CATEGORY: "It bears the category that asks to track it.",
    Reason.CATEGORY_REMOVED: "The category that asked to track it was taken away.",
    Reason.RIGHTS_PROTECTED: "It is protected by rights management.",
    Reason.TRACKED_BY_FOLDER: "It lies in a tracked folder.",
    Reason.UNPACKED: "It carried mail of somebody who forwards, which was judged for them.",
}


LARGEST_EVER = 512 * 1024 * 1024
"""Bytes of a message that a person asked for; a larger one would not fit into the memory of a worker (5.19)."""
TEST_HEADER = "X-ServerSync-Test"


def marks_of_a_test(envelope: Envelope) -> frozenset[str]:
    """What a message that says it is a test of ours names as the test's Message-ID: its own, or, where a server has
    rewritten that, the value of the header. Empty for every other message."""
    values = {value.strip() for name, value in envelope.headers if name == TEST_HEADER}
    return frozenset({envelope.message_id, *values} - {""}) if values else frozenset()


class Filter(IntEnum):
    """5.4"""

    ALL = 0
    RESPONSES = 1
    LEADS_CONTACTS_ACCOUNTS = 2
    EMAIL_ENABLED = 3
    NONE = 4


class Method(IntEnum):
    """6.1, `CorrelationMethod`"""

    NONE = 0
    SKIPPED = 1
    IN_REPLY_TO = 3
    TRACKING_TOKEN = 4
    CONVERSATION_INDEX = 5
    SMART_MATCHING = 6


@dataclass(frozen=True, slots=True)
class Match:
    """One record that has an address (5.12)."""

    type_id: int
    record_id: str
    kind: str
    rank: int
    name: str
    owner_id: str
    is_active: bool
    since: float  # seconds since the epoch, for "oldest first"
    is_chosen: bool = False  # by the word of a person, not because the record has the address (5.13)

    @property
    def record(self) -> tuple[int, str]:
        """What tells records apart; one may have the address in several columns."""
        return self.type_id, self.record_id


@dataclass(frozen=True, slots=True)
class Known:
    """A tracked email that others may answer or repeat."""

    id: UUID
    message_id: str
    subject: str
    conversation: UUID
    regarding_type_id: int | None
    regarding_id: str
    regarding_name: str
    outgoing: bool
    guard: UUID | None = None  # of its content and direction (5.10)
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user or queue with a mailbox here. One that receives may accept a message by its own filter (5.7)."""

    kind: str  # "systemuser" or "queue"
    id: str
    name: str
    address: str
    filter: Filter
    receives: bool = True
    exclusions: Exclusions = NOTHING_EXCLUDED
    owner_id: str = ""  # the active user who owns the mailbox (5.16)
    creates: int = 0  # what that user wants of unknown senders, as `AutoCreate` numbers it (5.15)

    @property
    def key(self) -> tuple[str, str]:
        """What tells candidates apart."""
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one batch before anything is decided. `note_kept` makes a batch see its own earlier verdicts.

    `candidates` are those whose mailbox is read; whom the headers name is looked up in `owners`.
    """

    candidates: tuple[Candidate, ...]
    start: datetime | None
    by_message_id: dict[str, Known] = field(default_factory=dict)
    by_dup_check: dict[UUID, Known] = field(default_factory=dict)
    by_address: Mapping[str, tuple[Match, ...]] = field(default_factory=dict)
    tests: frozenset[str] = frozenset()  # Message-IDs of messages that we sent to test a mailbox (3.10)
    owners: Mapping[tuple[str, str], Candidate] = field(default_factory=dict)  # enabled users and queues, by key
    exclusions: Exclusions = NOTHING_EXCLUDED  # of the whole organization
    removed: frozenset[str] = frozenset()  # content keys that were removed from this mailbox before (law 12)
    removed_by: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)  # others who removed them
    outgoing: bool = False  # the batch was read in Sent Items (5.3)
    threads: Threads = field(default_factory=Threads)

    def note_kept(self, message: Message, known: Known, policy: Policy) -> None:
        """A message of this batch is kept: later ones may answer or repeat it."""
        self.threads.note_kept(message.envelope, known, self.by_message_id.get(known.message_id), policy)
        self.by_message_id[known.message_id] = known
        self.by_dup_check[dup_check(message.key, known.outgoing)] = known

    def others_share(self, message: Message) -> bool:
        """Whether other content is tracked under the same Message-ID; the other direction is the same content (5.10)."""
        same = {dup_check(message.key, outgoing) for outgoing in (False, True)}
        newest = self.by_message_id.get(message.message_id)
        bearers = self.threads.sharing.get(message.message_id, [newest] if newest else [])
        return any(email.guard not in same for email in bearers)

    def matches(self, address: str) -> tuple[Match, ...]:
        """Every record with this address, in no particular order."""
        return self.by_address.get(address.lower(), ())

    def records_of(self, person: Address | None) -> list[tuple[int, str]]:
        """The types and ids of the records with this person's address."""
        return [(match.type_id, match.record_id) for match in self.matches(person.key)] if person else []


@dataclass(frozen=True, slots=True)
class Message:
    """One message as far as it was fetched, with its identity worked out."""

    envelope: Envelope
    key: str
    message_id: str
    size: int
    received_on: datetime | None
    explicit: int = 0  # who asked to track it, by the numbers of LedgerRow.explicit (5.6)
    is_rights_protected: bool = False  # 5.20
    is_truncated: bool = False  # only its header was fetched, because it is too large (5.19)
    report: Report | None = None  # of a bounce: about whom and what (RFC 3464)
    filed: Filed | None = None  # by the rule of the folder that it lies in (9.3)


@dataclass(frozen=True, slots=True)
class Correlation:
    """Which email a message answers, how that was found, and what is inherited (6.2)."""

    method: Method = Method.NONE
    email: Known | None = None
    subject_changed: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    sought: tuple[str, ...] = ()  # Message-IDs that were looked for in vain: they may still come

    @property
    def doubts(self) -> dict[str, Any]:
        """What was found and did not count, for the evidence of a message that answers nothing."""
        return dict(self.evidence) if self.email is None else {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a message is kept, why, and on which evidence (law 4)."""

    kept: bool
    reason: Reason
    evidence: Mapping[str, Any]
    accepted_by: Candidate | None = None
    same_as: Known | None = None
    correlation: Correlation = field(default_factory=Correlation)
    counterpart: Known | None = None  # the same message in the other direction (5.11)
    queues: tuple[str, ...] = ()  # ids of the queues that it waits in (5.18)
