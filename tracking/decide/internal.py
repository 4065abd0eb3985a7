"""Mail between people of the house (5.11). Pure.

The kind default: internal mail is tracked by explicit wish or by correlation only, and a copy of what was sent from here
is joined to it. `docs/choices.md` has the table of the switches.
"""

from __future__ import annotations

from mailboxes.policy import Policy
from profiles.connectors.mime import Address
from tracking.decide.verdicts import Candidate, Facts, Message

QUEUE = "queue"
KINDS = ("systemuser", QUEUE)  # of several records with one address the user counts


def owner_of(address: str, facts: Facts) -> Candidate | None:
    """The enabled user or queue with a mailbox here that has this address."""
    found = [match for match in facts.matches(address) if not match.is_chosen]
    found = [match for match in found if (match.kind, match.record_id) in facts.owners]
    first = min(found, key=lambda match: (KINDS.index(match.kind), match.since, match.record_id), default=None)
    return facts.owners[first.kind, first.record_id] if first else None


def sender_here(message: Message, facts: Facts) -> Candidate | None:
    """The user or queue of this house who wrote the message."""
    sender = message.envelope.sender
    if sender is None:
        return None
    own = next((one for one in facts.candidates if one.address and one.address == sender.key), None)
    return own or owner_of(sender.key, facts)


def is_own(message: Message, facts: Facts) -> bool:
    """Whether the owner of the mailbox read wrote it: a Sent copy, or mail to oneself."""
    sender = sender_here(message, facts)
    return sender is not None and sender.key in {one.key for one in facts.candidates}


def recipients(message: Message) -> list[Address]:
    """Everybody in To, Cc and Bcc, in that order."""
    return [*message.envelope.to, *message.envelope.cc, *message.envelope.bcc]


def is_held_back(message: Message, candidate: Candidate, facts: Facts, has_counterpart: bool, policy: Policy) -> bool:
    """Whether this candidate's filter is not enough, because the message is internal mail."""
    if policy.track_mail_between_users_as_two_activities:
        return False
    if policy.ignore_internal_email_detection_enhancement and not has_counterpart:
        return False
    return _is_internal(message, candidate, facts, policy)


def _is_internal(message: Message, candidate: Candidate, facts: Facts, policy: Policy) -> bool:
    sender = sender_here(message, facts)
    if sender is None or (sender.kind == QUEUE and not policy.ignore_internal_email_from_queues):
        return False
    if facts.outgoing:  # 5.3: what the owner sent is internal if nobody outside was meant
        people = recipients(message)
        return bool(people) and all(_counts(owner_of(one.key, facts), policy) for one in people)
    return _counts(candidate, policy)


def _counts(receiver: Candidate | None, policy: Policy) -> bool:
    exempt = receiver is not None and receiver.kind == QUEUE and policy.do_not_ignore_internal_email_to_queues
    return receiver is not None and not exempt
