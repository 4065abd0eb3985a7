"""When so much would be deleted at once that somebody has to say so first. Pure (law 9)."""

from __future__ import annotations

from dataclasses import dataclass

from mailboxes.policy import Policy

FEW = 5
"""Fewer than so many deletions are never a mass, whatever their share."""


@dataclass(frozen=True, slots=True)
class Mass:
    """What a person is asked about: so many of so many. `limit` is the setting that was exceeded."""

    number: int
    out_of: int
    limit: str


def mass_deletion(number: int, out_of: int, policy: Policy, approved: int = 0) -> Mass | None:
    """The question to be asked before deleting so many of all items of a kind in a mailbox; None where they may go.
    `approved` is the number that a person has said may go. Only a complete listing says at all that items are gone."""
    if number <= approved:
        return None
    limit, percent = policy.deletions_at_once_number, policy.deletions_at_once_percent
    if limit and number > limit:
        return Mass(number, out_of, "deletions_at_once_number")
    if number >= FEW and percent < 100 and number * 100 > percent * out_of:
        return Mass(number, out_of, "deletions_at_once_percent")
    return None
