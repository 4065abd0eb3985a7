"""Which records an address stands for (5.12–5.14). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailboxes.policy import Policy
from tracking.decide.verdicts import Match

TOO_MANY = 100  # 5.12: more hits stay unresolved
USER = "systemuser"
MOST_TOLD = 5
_BECAUSE = (  # in the order of `_order`: what told the first from the second
    "it belongs to the owner of the mailbox",
    "its kind comes first",
    "it is active",
    "it is the oldest",
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote a message: one record or nobody; `is_open` if several would fit and none was taken. `told` is for "why?",
    empty where there was nothing to choose."""

    match: Match | None
    is_open: bool = False
    told: dict[str, Any] | None = None


def eligible(matches: Sequence[Match], policy: Policy) -> list[Match]:
    """Matches that may be resolved to at all: disabled users never; inactive records only alone or by setting (5.12).
    What a person has said about the address counts before all (5.13)."""
    may = [match for match in matches if match.is_active or match.kind != USER]
    chosen = [match for match in may if match.is_chosen]
    if chosen and policy.apply_manual_resolution_to_like_addresses:
        return chosen[:1]
    enabled = list({match.record: match for match in may if not match.is_chosen}.values())
    if policy.resolve_for_inactive_entities or len(enabled) == 1:
        return enabled
    return [match for match in enabled if match.is_active]


def sender_of(matches: Sequence[Match], owner_id: str, policy: Policy) -> tuple[Match | None, bool]:
    """The one record a sender is, and whether it stayed open because several matched (5.12).

    Order: rows of the mailbox's owner, then the rank of the type, then active, then the oldest.
    """
    sender = choose_sender(matches, owner_id, policy)
    return sender.match, sender.is_open


def choose_sender(matches: Sequence[Match], owner_id: str, policy: Policy) -> Sender:
    """The same with what was considered, bounded, for the evidence (law 4)."""
    found = sorted(eligible(matches, policy), key=lambda match: _order(match, owner_id))
    if not found:
        return Sender(None)
    if len(found) > TOO_MANY:
        return Sender(None, True, _told(found, None, f"more than {TOO_MANY} records have the address"))
    if policy.unresolve_sender_in_case_of_multiple_match and len(found) > 1:
        return Sender(None, True, _told(found, None, "the organization leaves the sender open if several fit"))
    first = found[0]
    if first.is_chosen:
        return Sender(first, False, _told(found, first, "a person has said so"))
    if len(found) == 1:
        return Sender(first)
    return Sender(first, False, _told(found, first, _because(found, owner_id)))


def recipients_of(matches: Sequence[Match], policy: Policy) -> list[Match]:
    """Every record a recipient is, best first; none when several match and the organization wants it so (5.13)."""
    found = sorted(eligible(matches, policy), key=lambda match: _order(match, ""))
    if len(found) > TOO_MANY or (policy.unresolve_email_address_if_multiple_match and len(found) > 1):
        return []
    return found


def _order(match: Match, owner_id: str) -> tuple[bool, int, bool, float, str, int]:
    owned = bool(owner_id) and match.owner_id == owner_id
    return (not owned, match.rank, not match.is_active, match.since, match.record_id, match.type_id)


def _because(found: Sequence[Match], owner_id: str) -> str:
    first, second = (_order(match, owner_id) for match in found[:2])
    differing = next(number for number, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1])
    return _BECAUSE[min(differing, len(_BECAUSE) - 1)]


def _told(found: Sequence[Match], chosen: Match | None, because: str) -> dict[str, Any]:
    return {
        "first": [{"name": match.name, "kind": match.kind} for match in found[:MOST_TOLD]],
        "number": len(found),
        "chosen": "" if chosen is None else chosen.name,
        "because": because,
    }
