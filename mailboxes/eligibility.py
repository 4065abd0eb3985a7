"""Whether a leg may run, and if not, why: the visible reason of a skip (1.9, 2.3, 3.4). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mailboxes.policy import Policy

INCOMING, OUTGOING, ACT = 0, 1, 2
_SSS = {INCOMING: 2, OUTGOING: 2, ACT: 1}  # 1.1: "server-side synchronization" is 1 for ACT
_NONE = {INCOMING: 0, OUTGOING: 0, ACT: 2}
_OUTLOOK = {INCOMING: 1, OUTGOING: 1, ACT: 0}
_APPROVED = 1
FORWARD_MAILBOX = 3


@dataclass(frozen=True, slots=True)
class LegFacts:
    """What the question depends on."""

    leg: int
    method: int
    enabled: bool
    mailbox_active: bool
    address: str
    has_profile: bool
    profile_active: bool
    profile_is_exchange: bool
    approval: int
    belongs_to_user: bool
    belongs_to_queue: bool
    owner_active: bool


def receives(method: int, mailbox_active: bool, owner_active: bool, approval: int, needs_approval: bool) -> bool:
    """5.7: whether a user or queue may accept mail that is read in another mailbox: mail comes in here for an approved,
    active address, by itself or through a forward mailbox."""
    comes_in = method in (_SSS[INCOMING], FORWARD_MAILBOX)
    return comes_in and mailbox_active and owner_active and (approval == _APPROVED or not needs_approval)


def obstacle_to_forwarding(
    method: int, mailbox_active: bool, owner_active: bool, approval: int, needs_approval: bool
) -> str:
    """8.3: why nothing is taken that this mailbox forwards to a forward mailbox, and what to change; "" if nothing is in
    the way."""
    if method != FORWARD_MAILBOX:
        return "incoming email of that mailbox does not come through a forward mailbox. Set it to Forward mailbox."
    if not mailbox_active:
        return "that mailbox is inactive. Activate it."  # 1.9
    if not owner_active:
        return "whoever it belongs to is disabled. Enable them, or ignore the message."  # 3.14
    if needs_approval and approval != _APPROVED:
        return "the address is not approved. Approve it."  # 3.4
    return ""


def skip_reason(facts: LegFacts, policy: Policy) -> str:
    """Why the leg is not run, as a sentence for people; "" when it may run."""
    for applies, sentence in _rules(facts, policy):
        if applies:
            return sentence
    return ""


def _rules(facts: LegFacts, policy: Policy) -> list[tuple[bool, str]]:
    """First match tells; ordered from what concerns the whole mailbox to what concerns the leg."""
    needs_approval = (
        policy.require_approval_for_user_email if facts.belongs_to_user else policy.require_approval_for_queue_email
    )
    return [
        (not facts.mailbox_active, "The mailbox is inactive. Activate it to go on."),  # 1.9
        (facts.method == _NONE[facts.leg], "The delivery method is None."),
        (
            facts.method == _OUTLOOK[facts.leg],
            "The delivery method is Outlook, which this service does not run. Choose server-side synchronization.",
        ),
        (
            facts.leg == INCOMING and facts.method == FORWARD_MAILBOX,
            "Mail of this mailbox arrives through a forward mailbox; it is not polled itself.",  # 1.6
        ),
        (facts.method != _SSS[facts.leg], "The delivery method is not server-side synchronization."),
        (not facts.address, "The mailbox has no address."),
        (not facts.has_profile, "The mailbox has no email server profile. Choose one."),  # 1.9
        (not facts.profile_active, "The email server profile is inactive."),  # 1.9
        (
            facts.leg == ACT and not facts.profile_is_exchange,
            "Appointments, contacts and tasks need an Exchange profile.",  # 1.2
        ),
        (
            facts.belongs_to_user and not facts.owner_active,
            "The user is disabled.",  # 3.14
        ),
        (
            needs_approval and (facts.belongs_to_user or facts.belongs_to_queue) and facts.approval != _APPROVED,
            "The address is not approved. An administrator has to approve it.",  # 3.4
        ),
        (not facts.enabled, "Not enabled: test and enable this direction first."),
    ]
