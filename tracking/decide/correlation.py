"""Which tracked email a message answers (6). Pure; first hit wins.

| | looks at | counts when | `parent_activity` |
|---|---|---|---|
| 1 | In-Reply-To, then References, then what a delivery report reports | it names a tracked email | yes |
| 2 | tracking token in the subject | the sender takes part in that conversation, or belongs to its record | no |
| 3 | conversation index | see `_may_join_by_index` | yes |
| 4 | words of the subject and addresses | enough of them agree; off by default | no |

Three switches are independent of each other (6.3): correlation means 1 and 3, tokens are always recognised, smart matching
has its own. "Skipped" means that nobody looked: correlation is off, or a forward does not count as a reply (6.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from tracking.crm.conversation_index import Index, index_of
from tracking.crm.fingerprints import addresses_of, fingerprint
from tracking.crm.identity import bare_subject, stored_message_id
from tracking.crm.tokens import prefixes_of, tokens_in, without_tokens
from tracking.decide.marks import marks_forward
from tracking.decide.threads import Record, Threads
from tracking.decide.verdicts import Correlation, Known, Method

ANCESTORS_SOUGHT = 30
HAS_PARENT = frozenset({Method.IN_REPLY_TO, Method.CONVERSATION_INDEX})  # 6.2
_ENOUGH_ADDRESSES = 2  # that two messages have in common: one of them is our own mailbox


def ancestor_ids(envelope: Envelope) -> list[str]:
    """The Message-IDs this message names as its ancestors, nearest first, without repeats, never its own."""
    nearest_first = [*envelope.in_reply_to, *reversed(envelope.references), *envelope.reported]
    own = stored_message_id(envelope.message_id)
    found = dict.fromkeys(stored_message_id(one) for one in nearest_first)
    return [one for one in found if one and one != own][:ANCESTORS_SOUGHT]


def is_forward(envelope: Envelope) -> bool:
    """Whether the subject marks a forward in one of the usual languages."""
    return marks_forward(envelope.subject, names_ancestors=bool(envelope.in_reply_to or envelope.references))


def is_passed_over(envelope: Envelope, policy: Policy) -> bool:
    """Whether this is a forward that answers nothing, however it is marked (6.4)."""
    return policy.do_not_correlate_forwarded_emails_as_replies and is_forward(envelope)


def looks_at_headers(policy: Policy) -> bool:
    """Whether In-Reply-To, References and the conversation index count (6.3, 6.4)."""
    return policy.email_correlation_enabled and not policy.ignore_conversation_index_and_in_reply_to_for_correlation


def subject_changed(answer: str, answered: str, policy: Policy) -> bool:
    """Whether the subjects differ in more than their marks and tokens (6.2)."""
    prefixes = prefixes_of(policy)
    return bare_subject(without_tokens(answer, prefixes)) != bare_subject(without_tokens(answered, prefixes))


def correlate(
    envelope: Envelope,
    by_message_id: Mapping[str, Known],
    policy: Policy,
    threads: Threads | None = None,
    sender: Iterable[Record] = (),
) -> Correlation:
    """The email this one answers (6.1). `sender` are the records that have the sender's address.

    What was found and does not count is told in the evidence as a suggestion; what was looked for in vain by its
    Message-ID stands in `sought`.
    """
    if is_passed_over(envelope, policy):
        return Correlation(method=Method.SKIPPED, evidence={"forward": True})
    search = _Search(envelope, policy, threads or Threads(), tuple(sender))
    by_headers = looks_at_headers(policy)
    found = (
        (search.by_ancestors(by_message_id) if by_headers else None)
        or search.by_token()
        or (search.by_index() if by_headers else None)
        or (search.by_words() if policy.email_smart_matching_enabled else None)
    )
    if found is not None:
        return found
    return Correlation(
        method=Method.NONE if policy.email_correlation_enabled else Method.SKIPPED,
        evidence=search.suggestion,
        sought=tuple(ancestor_ids(envelope)) if by_headers else (),
    )


class _Search:
    """One message's search, method by method."""

    def __init__(self, envelope: Envelope, policy: Policy, threads: Threads, sender: Sequence[Record]) -> None:
        self.envelope, self.policy, self.threads, self.sender = envelope, policy, threads, sender
        self.prefixes = prefixes_of(policy)
        self.suggestion: dict[str, Any] = {}

    def by_ancestors(self, by_message_id: Mapping[str, Known]) -> Correlation | None:
        in_reply_to = {stored_message_id(one) for one in self.envelope.in_reply_to}
        reported = {stored_message_id(one) for one in self.envelope.reported}
        for message_id in ancestor_ids(self.envelope):
            email = self._bearer_of(message_id, by_message_id)
            if email is not None:
                header = "In-Reply-To" if message_id in in_reply_to else "References"
                header = "Delivery report" if message_id in reported and header == "References" else header
                return self._hit(Method.IN_REPLY_TO, email, {"header": header, "message_id": message_id})
        return None

    def _bearer_of(self, message_id: str, by_message_id: Mapping[str, Known]) -> Known | None:
        """Of several emails with one Message-ID the newest in whose conversation the sender takes part; else the newest."""
        several = self.threads.sharing.get(message_id, [])
        return next((email for email in several if self._takes_part(email)), by_message_id.get(message_id))

    def by_token(self) -> Correlation | None:
        """6.5: tokens repeat and can be guessed or copied, so a stranger's counts for nothing but a suggestion."""
        for token in tokens_in(self.envelope.subject, self.prefixes):
            for email in self.threads.by_token.get(token, ()):
                if self._takes_part(email):
                    return self._hit(Method.TRACKING_TOKEN, email, {"found_by": "tracking token in the subject"})
                self._suggest(email, "tracking token in the subject")
        return None

    def by_index(self) -> Correlation | None:
        index = index_of(self.envelope.thread_index)
        if index is None:
            return None
        for email in self.threads.by_index.get(index.base_hash, ()):
            because = self._may_join_by_index(index, email)
            if because:
                return self._hit(
                    Method.CONVERSATION_INDEX, email, {"found_by": "conversation index", "because": because}
                )
            self._suggest(email, "conversation index")
        return None

    def _may_join_by_index(self, index: Index, email: Known) -> str:
        """Why the index counts, or "" if it does not: some clients make it from the subject alone and others keep it for
        a new message, so it proves little by itself (peers 20, 36)."""
        same_subject = not self._subject_changed(email)
        if self._takes_part(email) and (same_subject or index.responses):
            return "the sender takes part in that conversation"
        shared = self.threads.people.get(email.conversation, set()) & set(addresses_of(self.envelope))
        if same_subject and len(shared) >= _ENOUGH_ADDRESSES:
            return "subject and participants are the same"
        return ""

    def by_words(self) -> Correlation | None:
        own = fingerprint(self.envelope, self.policy)
        for email, theirs in self.threads.fingerprints:
            if own.agrees_with(theirs, self.policy):
                shared = len(own.addresses & theirs.addresses)
                return self._hit(
                    Method.SMART_MATCHING, email, {"found_by": "words of the subject", "shared_addresses": shared}
                )
        return None

    def _takes_part(self, email: Known) -> bool:
        address = self.envelope.sender.key if self.envelope.sender else ""
        return bool(address) and self.threads.takes_part(address, self.sender, email)

    def _subject_changed(self, email: Known) -> bool:
        return subject_changed(self.envelope.subject, email.subject, self.policy)

    def _suggest(self, email: Known, found_by: str) -> None:
        if not self.suggestion:
            self.suggestion = {"suggested": str(email.id), "suggested_by": found_by}

    def _hit(self, method: Method, email: Known, evidence: Mapping[str, Any]) -> Correlation:
        return Correlation(
            method=method,
            email=email,
            subject_changed=self._subject_changed(email),
            evidence={**evidence, "email": str(email.id)},
        )
