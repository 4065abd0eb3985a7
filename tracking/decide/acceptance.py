"""Who is asked whether a message matters, and what each says (5.4, 5.7, 5.9). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailboxes.policy import Policy
from tracking.decide.internal import KINDS, QUEUE, is_held_back, recipients
from tracking.decide.parties import eligible
from tracking.decide.verdicts import Candidate, Correlation, Facts, Filter, Match, Message, Reason

_PEOPLE = frozenset({"lead", "contact", "account"})
MOST_TOLD = 20
BY_A_PERSON = 1  # as `LedgerRow.explicit` numbers it
EXPLICITLY = {
    BY_A_PERSON: Reason.TRACKED_BY_A_PERSON,
    2: Reason.TRACKED_BY_CATEGORY,
    3: Reason.TRACKED_BY_FOLDER,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One candidate; `is_named` if the headers name it, `is_reader` if its mailbox is the one that is read."""

    candidate: Candidate
    is_named: bool
    is_reader: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one candidate says about a message, and on which evidence."""

    asked: Asked
    accepted: bool
    reason: Reason
    evidence: Mapping[str, Any]

    @property
    def candidate(self) -> Candidate:
        return self.asked.candidate


def opinions(
    message: Message, facts: Facts, correlation: Correlation, policy: Policy, has_counterpart: bool
) -> list[Opinion]:
    """What everybody says who may accept: the owner of the mailbox read first, then in the order of the headers."""
    return [
        Opinion(asked, *_opinion(asked, message, facts, correlation, policy, has_counterpart))
        for asked in everybody(message, facts, policy)
    ]


def everybody(message: Message, facts: Facts, policy: Policy) -> list[Asked]:
    """5.7 step 3: the owner of the mailbox read, and every user and queue that the headers name and that receives."""
    named = [] if facts.outgoing else _named(message, facts)
    keys, addresses = {one.key for one in named}, {person.key for person in recipients(message)}
    asked = [
        Asked(one, facts.outgoing or one.key in keys or one.address in addresses, is_reader=True)
        for one in facts.candidates
    ]
    if policy.use_filtering_method_of_syncing_mailbox_only_for_correlation:
        return asked
    readers = {one.key for one in facts.candidates}
    may = [one for one in named if one.receives or not policy.accept_only_for_receiving_mailboxes]
    return asked + [Asked(one, is_named=True) for one in may if one.key not in readers]


def _named(message: Message, facts: Facts) -> list[Candidate]:
    matches = (match for person in recipients(message) for match in facts.matches(person.key) if not match.is_chosen)
    found = (facts.owners.get((match.kind, match.record_id)) for match in matches if match.kind in KINDS)
    return list({one.key: one for one in found if one is not None}.values())


def _opinion(
    asked: Asked, message: Message, facts: Facts, correlation: Correlation, policy: Policy, has_counterpart: bool
) -> tuple[bool, Reason, dict[str, Any]]:
    candidate = asked.candidate
    excluded = _excluded(asked, message, facts, correlation)
    if excluded is not None:
        return False, Reason.EXCLUDED, excluded
    if candidate.key in facts.removed_by.get(message.key, ()):  # law 12: nobody else's mailbox brings it back to them
        return False, Reason.REMOVED_BEFORE, {}
    if asked.is_reader and message.explicit:  # 5.6
        return True, EXPLICITLY[message.explicit], {}
    told = {} if asked.is_named else _delivered_silently(message)
    if not asked.is_named and not policy.recognize_list_and_bcc_delivery and candidate.filter is not Filter.ALL:  # 5.9
        return False, Reason.NO_RECIPIENT_MATCH, told
    if candidate.filter is not Filter.NONE and is_held_back(message, candidate, facts, has_counterpart, policy):  # 5.11
        if correlation.email is None or not policy.keep_related_internal_email:
            return False, Reason.INTERNAL_EMAIL_REJECT, told
        return True, Reason.CORRELATION_MATCH, {**correlation.evidence, **told}
    accepted, reason, evidence = _by_filter(candidate, message, correlation, facts, policy)
    return accepted, reason, {**evidence, **told}


def _delivered_silently(message: Message) -> dict[str, Any]:
    """5.9: the headers do not name the recipient; what the servers wrote down on the way may."""
    told: dict[str, Any] = {"delivered": "through a list or Bcc"}
    if message.envelope.delivered_to:
        told["delivered_to"] = list(message.envelope.delivered_to[:3])
    return told


def _excluded(asked: Asked, message: Message, facts: Facts, correlation: Correlation) -> dict[str, Any] | None:
    """Whether this candidate, or the organization, never wants such mail. A person's explicit wish is stronger.

    What somebody else excludes is their affair: the ledger of this mailbox learns no more than that it is so.
    """
    if message.explicit == BY_A_PERSON or not (facts.exclusions or asked.candidate.exclusions):
        return None
    addresses, threads = counterparts_of(message, facts), conversations_of(message, correlation)
    for exclusions, is_told in ((facts.exclusions, True), (asked.candidate.exclusions, asked.is_reader)):
        met = exclusions.met(addresses, threads)
        if met is not None:
            return {"excluded": met[0], "value": met[1]} if is_told else {}
    return None


def counterparts_of(message: Message, facts: Facts) -> list[str]:
    """The other side of a message: who wrote it, or to whom the owner of the mailbox has sent it (5.3)."""
    if facts.outgoing:
        return list(dict.fromkeys(person.key for person in recipients(message)))
    return [message.envelope.sender.key] if message.envelope.sender else []


def conversations_of(message: Message, correlation: Correlation) -> list[str]:
    """By what a conversation is excluded: its id if it is tracked, else the Message-ID of its first message."""
    envelope = message.envelope
    first = [*envelope.references[:1], *envelope.in_reply_to[:1]] or [message.message_id]
    tracked = [str(correlation.email.conversation)] if correlation.email is not None else []
    return [one.lower() for one in (*tracked, *first)]


def _by_filter(
    candidate: Candidate, message: Message, correlation: Correlation, facts: Facts, policy: Policy
) -> tuple[bool, Reason, dict[str, Any]]:
    """5.4: one candidate's filter. The evidence says what was looked at and what would have changed the answer."""
    if candidate.filter is Filter.NONE:
        return False, Reason.FILTER_TAKES_NOTHING, {}
    if candidate.filter is Filter.ALL:
        return True, Reason.ACCEPT_ALL, {}
    if correlation.email is not None:
        return True, Reason.CORRELATION_MATCH, dict(correlation.evidence)
    if candidate.filter is Filter.RESPONSES:
        return False, Reason.NO_CORRELATION_MATCH, {"looked_for": _ancestors(message)}
    addresses = counterparts_of(message, facts)
    told: dict[str, Any] = {"recipients": addresses[:10]} if facts.outgoing else {"sender": "".join(addresses)}
    taken = _taken(addresses, candidate.filter, facts, policy)
    if taken is None:
        return False, Reason.NO_SENDER_MATCH, told
    address, match = taken
    told = {"recipient": address} if facts.outgoing else told
    return True, Reason.SENDER_MATCH, {**told, "record": match.name, "kind": match.kind}


def _taken(addresses: Sequence[str], takes: Filter, facts: Facts, policy: Policy) -> tuple[str, Match] | None:
    """The first of the addresses that is a record of a kind that the filter takes, and that record."""
    for address in addresses:
        found = eligible(facts.matches(address), policy)
        if takes is Filter.LEADS_CONTACTS_ACCOUNTS:
            found = [match for match in found if match.kind in _PEOPLE]
        if found:
            return address, min(found, key=lambda match: (match.rank, match.since))
    return None


def _ancestors(message: Message) -> list[str]:
    return [*message.envelope.in_reply_to, *message.envelope.references][:5]


def told(heard: Sequence[Opinion]) -> dict[str, Any]:
    """Everybody who was asked and what they said, for the evidence ("why?"). Bounded."""
    said = [
        {
            "name": one.candidate.name,
            "kind": one.candidate.kind,
            "filter": int(one.candidate.filter),
            "accepted": one.accepted,
            "reason": int(one.reason),
        }
        for one in heard[:MOST_TOLD]
    ]
    further = len(heard) - len(said)
    return {"candidates": said} | ({"further_candidates": further} if further else {})


def queues_served(heard: Sequence[Opinion], policy: Policy) -> tuple[str, ...]:
    """5.18: the queues a new email waits in: every accepting one that the headers name, and the one whose mailbox was
    read although they do not."""
    return tuple(one.candidate.id for one in heard if _is_served(one, policy))


def queues_served_again(heard: Sequence[Opinion], policy: Policy) -> tuple[str, ...]:
    """5.10: the queue whose mailbox shows an email that is tracked already."""
    if not policy.sss_create_additional_queue_items_for_already_tracked_email:
        return ()
    return tuple(one.candidate.id for one in heard if one.asked.is_reader and _is_served(one, policy))


def _is_served(one: Opinion, policy: Policy) -> bool:
    if not one.accepted or one.candidate.kind != QUEUE:
        return False
    if one.asked.is_named:
        return policy.create_queue_items_for_accepting_queue_recipients
    return policy.create_queue_item_for_synchronizing_mailbox
