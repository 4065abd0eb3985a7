"""Whether a message matters (5). Pure: facts in, a verdict with its reason and evidence out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from tracking.crm.identity import dup_check
from tracking.decide.acceptance import (
    BY_A_PERSON,
    EXPLICITLY,
    Opinion,
    opinions,
    queues_served,
    queues_served_again,
    told,
)
from tracking.decide.correlation import correlate
from tracking.decide.internal import is_own
from tracking.decide.verdicts import (
    Candidate,
    Correlation,
    Facts,
    Filter,
    Known,
    Message,
    Reason,
    Verdict,
    marks_of_a_test,
)


def needs_raw(envelope: Envelope, *, transport_gives_raw: bool, is_forward_mailbox: bool) -> bool:
    """Whether judging takes the whole message: POP3 gives it anyway; forward mailboxes hold the real mail inside (8.2),
    bounces and receipts tell inside whom they concern, and without a Message-ID the body belongs to the identity."""
    return transport_gives_raw or is_forward_mailbox or envelope.carries_report or not envelope.message_id


def takes_everything(candidates: tuple[Candidate, ...]) -> bool:
    """Whether every message will be wanted whole, so that it can be fetched at once."""
    return any(candidate.filter is Filter.ALL for candidate in candidates)


def judge(message: Message, facts: Facts, policy: Policy) -> Verdict:
    """The acceptance algorithm of 5.7 for one message."""
    early = _settled_beforehand(message, facts)
    if early is not None:
        return early
    sender = facts.records_of(message.envelope.sender)
    correlation = correlate(message.envelope, facts.by_message_id, policy, facts.threads, sender)
    other = facts.by_dup_check.get(dup_check(message.key, outgoing=not facts.outgoing))
    heard = opinions(message, facts, correlation, policy, has_counterpart=other is not None)
    early = _repeated(message, facts, heard, other, policy) or _unfit(message, policy)
    if early is not None:
        return early
    chosen = next((one for one in heard if one.accepted), None)
    if chosen is None and message.explicit and not facts.candidates:  # 5.6, in a mailbox that belongs to nobody
        reason = EXPLICITLY[message.explicit]
        return Verdict(True, reason, told(heard), correlation=correlation, counterpart=other)
    if chosen is None:
        return _rejected(heard, correlation, other, policy)
    return Verdict(
        True,
        chosen.reason,
        _evidence(chosen, heard) | correlation.doubts,
        accepted_by=chosen.candidate,
        correlation=correlation,
        counterpart=other,
        queues=() if facts.outgoing else queues_served(heard, policy),
    )


def _settled_beforehand(message: Message, facts: Facts) -> Verdict | None:
    """What nobody is asked about: our tests, old mail, what was removed before."""
    # 3.10: the header alone, which anybody can write, hides nothing.
    if marks_of_a_test(message.envelope) & facts.tests:
        return Verdict(False, Reason.OUR_TEST_MESSAGE, {"message_id": message.message_id})
    instant = message.received_on or message.envelope.date
    if facts.start and instant and instant < facts.start and not message.explicit:  # 2.10, 5.6
        return Verdict(
            False, Reason.BEFORE_START_DATE, {"received": instant.isoformat(), "start": facts.start.isoformat()}
        )
    if message.key in facts.removed and message.explicit != BY_A_PERSON:  # law 12
        return Verdict(False, Reason.REMOVED_BEFORE, {})
    return None


def _repeated(
    message: Message, facts: Facts, heard: Sequence[Opinion], other: Known | None, policy: Policy
) -> Verdict | None:
    """What is tracked already: our own copies, repeats, and copies of the same message in the other direction."""
    same = facts.by_dup_check.get(dup_check(message.key, outgoing=facts.outgoing))
    if facts.outgoing and same is not None:
        return _joined(same)  # 5.3: what was sent from here, in Sent Items
    if not facts.outgoing and other is not None and is_own(message, facts):
        return _joined(other)  # 7.8: mail to oneself comes back; nobody has to work on it
    joins_counterpart = policy.keep_related_internal_email and not policy.track_mail_between_users_as_two_activities
    known = same or (other if joins_counterpart else None)  # 5.10, 5.11
    if known is None:
        return None
    return _vetoed(heard) or _joined(known, queues_served_again(heard, policy))


def _joined(known: Known, queues: tuple[str, ...] = ()) -> Verdict:
    reason = Reason.OUR_OWN_COPY if known.outgoing else Reason.DUPLICATE
    return Verdict(True, reason, {"email": str(known.id)}, same_as=known, queues=queues)


def _vetoed(heard: Sequence[Opinion]) -> Verdict | None:
    """The owner of the mailbox read never wants such mail, and nobody else who may accept takes it."""
    if not heard or heard[0].reason is not Reason.EXCLUDED or any(one.accepted for one in heard):
        return None
    return Verdict(False, Reason.EXCLUDED, _evidence(heard[0], heard))


def _unfit(message: Message, policy: Policy) -> Verdict | None:
    """What cannot be kept: without a sender, or protected. A mail system that reports on our mail needs no address."""
    sender = message.envelope.sender
    if (sender is None or not sender.is_valid) and not message.envelope.reported:  # 5.7 step 2
        return Verdict(False, Reason.INVALID_SENDER, {"sender": sender.address[:320] if sender else ""})
    if message.is_rights_protected and policy.restrict_irm_email_items:  # 5.20
        return Verdict(False, Reason.RIGHTS_PROTECTED, {})
    return None


def _rejected(heard: Sequence[Opinion], correlation: Correlation, other: Known | None, policy: Policy) -> Verdict:
    """Nobody takes it: the reason of the owner of the mailbox read, if there is one. A copy of what was sent from here
    is joined to it all the same, unless its receiver never wants such mail (5.11)."""
    if not heard:
        return Verdict(False, Reason.NO_RECIPIENT_MATCH, {})
    if other is not None and policy.keep_related_internal_email and heard[0].reason is not Reason.EXCLUDED:
        return _joined(other)
    return Verdict(False, heard[0].reason, _evidence(heard[0], heard) | correlation.doubts, correlation=correlation)


def _evidence(decisive: Opinion, heard: Sequence[Opinion]) -> dict[str, Any]:
    candidate = decisive.candidate
    return {
        "candidate": candidate.name,
        "filter": int(candidate.filter),
        **decisive.evidence,
        **told(heard),
    }
