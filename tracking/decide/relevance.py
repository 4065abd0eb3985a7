"""Whether a message matters (5). Pure: facts in, a verdict with its reason and evidence out."""

from __future__ import annotations

from typing import Any

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from tracking.crm.identity import dup_check
from tracking.decide.correlation import correlate
from tracking.decide.parties import eligible
from tracking.decide.verdicts import Candidate, Correlation, Facts, Filter, Message, Reason, Verdict, marks_of_a_test

_PEOPLE = frozenset({"lead", "contact", "account"})


def needs_raw(envelope: Envelope, *, transport_gives_raw: bool, is_forward_mailbox: bool) -> bool:
    """Whether judging takes the whole message: POP3 gives it anyway; forward mailboxes hold the real mail inside (8.2),
    bounces tell inside whom they concern, and without a Message-ID the body belongs to the identity."""
    return transport_gives_raw or is_forward_mailbox or envelope.is_delivery_report or not envelope.message_id


def takes_everything(candidates: tuple[Candidate, ...]) -> bool:
    """Whether every message will be wanted whole, so that it can be fetched at once."""
    return any(candidate.filter is Filter.ALL for candidate in candidates)


def judge(message: Message, facts: Facts, policy: Policy) -> Verdict:
    """The acceptance algorithm of 5.7 for one message."""
    early = _settled_beforehand(message, facts, policy)
    if early is not None:
        return early
    correlation = correlate(message.envelope, facts.by_message_id, policy)
    rejections: list[tuple[Reason, dict[str, Any]]] = []
    for candidate in facts.candidates:
        accepted, reason, evidence = _by_filter(candidate, message, correlation, facts, policy)
        told = {"candidate": candidate.name, "filter": int(candidate.filter), **evidence}
        if accepted:
            return Verdict(True, reason, told, accepted_by=candidate, correlation=correlation)
        rejections.append((reason, told))
    if not rejections:
        return Verdict(False, Reason.NO_RECIPIENT_MATCH, {})
    reason, told = rejections[0]
    return Verdict(False, reason, told, correlation=correlation)


def _settled_beforehand(message: Message, facts: Facts, policy: Policy) -> Verdict | None:
    """What no filter is asked about: our tests, old mail, repeats, our own copies, what cannot be read or is too large."""
    # 3.10: the header alone, which anybody can write, hides nothing.
    if marks_of_a_test(message.envelope) & facts.tests:
        return Verdict(False, Reason.OUR_TEST_MESSAGE, {"message_id": message.message_id})
    instant = message.received_on or message.envelope.date
    if facts.start and instant and instant < facts.start:  # 2.10
        return Verdict(
            False, Reason.BEFORE_START_DATE, {"received": instant.isoformat(), "start": facts.start.isoformat()}
        )
    ours = facts.by_dup_check.get(dup_check(message.key, outgoing=True))
    if ours is not None:  # 7.8: the Sent copy, or mail to oneself, comes back
        return Verdict(True, Reason.OUR_OWN_COPY, {"email": str(ours.id)}, same_as=ours)
    same = facts.by_dup_check.get(dup_check(message.key, outgoing=False))
    if same is not None:  # 5.10
        return Verdict(True, Reason.DUPLICATE, {"email": str(same.id)}, same_as=same)
    if message.size > policy.maximum_message_size:  # 5.19
        return Verdict(False, Reason.TOO_LARGE, {"size": message.size, "limit": policy.maximum_message_size})
    sender = message.envelope.sender
    if sender is None or not sender.is_valid:  # 5.7 step 2
        return Verdict(False, Reason.INVALID_SENDER, {"sender": sender.address[:320] if sender else ""})
    return None


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
    assert message.envelope.sender is not None, "an invalid sender was settled beforehand"
    address = message.envelope.sender.key
    found = eligible(facts.matches(address), policy)
    if candidate.filter is Filter.LEADS_CONTACTS_ACCOUNTS:
        found = [match for match in found if match.kind in _PEOPLE]
    if found:
        first = min(found, key=lambda match: (match.rank, match.since))
        return True, Reason.SENDER_MATCH, {"sender": address, "record": first.name, "kind": first.kind}
    return False, Reason.NO_SENDER_MATCH, {"sender": address}


def _ancestors(message: Message) -> list[str]:
    return [*message.envelope.in_reply_to, *message.envelope.references][:5]
