"""What else than a Message-ID leads from one message to another: tokens, conversation indexes, words (6.1). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from tracking.crm.conversation_index import index_of
from tracking.crm.fingerprints import Fingerprint, addresses_of, fingerprint

if TYPE_CHECKING:
    from tracking.decide.verdicts import Known

Record = tuple[int, str]  # the type and the id of any record


@dataclass(slots=True)
class Threads:
    """What may lead to tracked emails, loaded for one batch. All lists have the newest first."""

    sharing: dict[str, list[Known]] = field(default_factory=dict)  # by Message-ID, where several emails bear it
    by_token: dict[str, list[Known]] = field(default_factory=dict)
    by_index: dict[int, list[Known]] = field(default_factory=dict)
    fingerprints: list[tuple[Known, Fingerprint]] = field(default_factory=list)
    people: dict[UUID, set[str]] = field(default_factory=dict)  # addresses by conversation, as far as they matter here
    circles: Mapping[Record, frozenset[Record]] = field(default_factory=dict)

    def takes_part(self, address: str, records: Iterable[Record], email: Known) -> bool:
        """Whether somebody is a party of the email's conversation, or belongs to the record that it regards: is that
        record, its account, or a contact of it."""
        if address in self.people.get(email.conversation, ()):
            return True
        if email.regarding_type_id is None or not email.regarding_id:
            return False
        circle = self._circle((email.regarding_type_id, email.regarding_id))
        return any(self._circle(record) & circle for record in records)

    def _circle(self, record: Record) -> frozenset[Record]:
        return self.circles.get(record, frozenset({record}))

    def note_kept(self, envelope: Envelope, known: Known, before: Known | None, policy: Policy) -> None:
        """A message of this batch is kept; `before` is the email that had its Message-ID until now."""
        if before is not None and before.id != known.id:
            self.sharing[known.message_id] = [known, *self.sharing.get(known.message_id, [before])]
        self.people.setdefault(known.conversation, set()).update(addresses_of(envelope))
        index = index_of(envelope.thread_index)
        if index is not None:
            self.by_index.setdefault(index.base_hash, []).insert(0, known)
        if policy.email_smart_matching_enabled:
            self.fingerprints.insert(0, (known, fingerprint(envelope, policy)))
