"""Who owns an email that came in (5.16). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mailboxes.policy import Policy
from tracking.decide.acceptance import conversations_of, counterparts_of
from tracking.decide.internal import recipients
from tracking.decide.parties import sender_of
from tracking.decide.verdicts import Candidate, Facts, Match, Message, Verdict

_WITH_OWNERS = frozenset({"contact", "account", "lead"})


def owner_of_email(message: Message, verdict: Verdict, facts: Facts, policy: Policy, reader_id: str) -> str:
    """The id of the user who owns it: of those who own a mailbox that To, Cc or Bcc name and are active, the owner of the
    email it answers, else the owner of the sender's record, else the first. If there is none, and of what was sent,
    `reader_id`: the owner of the mailbox read. Nobody comes to own what they exclude or have removed (5.7, law 12)."""
    may = [] if facts.outgoing else list(_listed(message, verdict, facts))
    if not may:
        return reader_id
    parent, sender = verdict.correlation.email, sender_record(message, verdict, facts, policy, reader_id)
    wanted = ["" if parent is None else parent.owner_id]
    if sender is not None and sender.kind in _WITH_OWNERS:
        wanted.append(sender.owner_id)
    return next((one for one in wanted if one in may), may[0])


def sender_record(message: Message, verdict: Verdict, facts: Facts, policy: Policy, reader_id: str) -> Match | None:
    """The record that the sender is, as the owner of the accepting mailbox sees it (5.12 a)."""
    address = message.envelope.sender
    if address is None:
        return None
    return sender_of(facts.matches(address.key), owner_of_acceptor(verdict, reader_id), policy)[0]


def owner_of_acceptor(verdict: Verdict, reader_id: str) -> str:
    """The owner of the mailbox that accepted; of the one that was read if nobody did or that one has no owner."""
    return (verdict.accepted_by.owner_id if verdict.accepted_by else "") or reader_id


def _listed(message: Message, verdict: Verdict, facts: Facts) -> Iterable[str]:
    """The owners of the users' and queues' mailboxes that the headers name, in their order."""
    aliases = {one.address: one for one in facts.candidates if one.address}
    addresses, threads = counterparts_of(message, facts), conversations_of(message, verdict.correlation)
    for person in recipients(message):
        for one in (aliases.get(person.key), *_owners(facts, person.key)):
            if one is None or not one.owner_id or one.key in facts.removed_by.get(message.key, ()):
                continue
            if one.exclusions.met(addresses, threads) is None:
                yield one.owner_id


def _owners(facts: Facts, address: str) -> list[Candidate | None]:
    matches = sorted(facts.matches(address), key=lambda match: (match.rank, match.since, match.record_id))
    return [facts.owners.get((match.kind, match.record_id)) for match in matches if not match.is_chosen]
