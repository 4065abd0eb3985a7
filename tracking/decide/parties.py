"""Which records an address stands for (5.12–5.14). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mailboxes.policy import Policy
from tracking.decide.verdicts import Match

TOO_MANY = 100  # 5.12: more hits stay unresolved
USER = "systemuser"


def eligible(matches: Sequence[Match], policy: Policy) -> list[Match]:
    """Matches that may be resolved to at all: disabled users never; inactive records only alone or by setting (5.12)."""
    enabled = [match for match in matches if match.is_active or match.kind != USER]
    if policy.resolve_for_inactive_entities or len(enabled) == 1:
        return enabled
    return [match for match in enabled if match.is_active]


def sender_of(matches: Sequence[Match], owner_id: str, policy: Policy) -> tuple[Match | None, bool]:
    """The one record a sender is, and whether it stayed open because several matched (5.12).

    Order: rows of the mailbox's owner, then the rank of the type, then active, then the oldest.
    """
    found = eligible(matches, policy)
    if not found or len(found) > TOO_MANY:
        return None, len(found) > TOO_MANY
    if policy.unresolve_sender_in_case_of_multiple_match and len(found) > 1:
        return None, True
    return min(found, key=lambda match: _order(match, owner_id)), False


def recipients_of(matches: Sequence[Match], policy: Policy) -> list[Match]:
    """Every record a recipient is, best first; none when several match and the organization wants it so (5.13)."""
    found = sorted(eligible(matches, policy), key=lambda match: _order(match, ""))
    if len(found) > TOO_MANY or (policy.unresolve_email_address_if_multiple_match and len(found) > 1):
        return []
    return found


def _order(match: Match, owner_id: str) -> tuple[bool, int, bool, float, str]:
    owned = bool(owner_id) and match.owner_id == owner_id
    return (not owned, match.rank, not match.is_active, match.since, match.record_id)
