"""Everything known about one batch before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailboxes.models import Mailbox, Trial
from tracking.decide.verdicts import Facts, Message, marks_of_a_test
from tracking.facts.known import tracked_emails
from tracking.facts.owners import Owners
from tracking.facts.people import addresses_in, matches_of
from tracking.facts.threads import threads_of
from tracking.models import LedgerRow


def facts_for(
    messages: Sequence[Message], owners: Owners, start: datetime | None, now: datetime, *, outgoing: bool = False
) -> Facts:
    """Two selects: repeats and ancestors, people. Further ones only where a message says that it is a test of ours, where
    something was removed from a mailbox before, for colleagues who did not yet occur in this cycle, and for what may
    lead to a conversation besides Message-IDs."""
    by_address = matches_of(addresses_in(message.envelope for message in messages))
    tracked = tracked_emails(messages)
    among = owners.among(match for matches in by_address.values() for match in matches)
    removed, removed_by = owners.removed([message.key for message in messages])
    return Facts(
        candidates=owners.candidates,
        start=start,
        by_dup_check=tracked.by_guard,
        by_message_id=tracked.by_message_id,
        by_address=by_address,
        tests=_tests_among(messages),
        owners=among,
        exclusions=owners.exclusions,
        removed=removed,
        removed_by=removed_by,
        outgoing=outgoing,
        threads=threads_of(messages, tracked, by_address, owners.policy, now),
    )


def _tests_among(messages: Sequence[Message]) -> frozenset[str]:
    """The Message-IDs named by these messages that a test really has sent (3.10)."""
    named = {mark for message in messages for mark in marks_of_a_test(message.envelope)}
    if not named:
        return frozenset()
    return frozenset(Trial.objects.filter(message_id__in=named).values_list("message_id", flat=True))


def rows_with(mailbox: Mailbox, keys: Sequence[str]) -> dict[str, LedgerRow]:
    """Ledger rows of this mailbox that already stand for these contents: a further placement joins them."""
    rows = LedgerRow.objects.filter(mailbox=mailbox, content_key__in=keys).only(
        "id", "content_key", "state", "email_id", "mailbox_id"
    )
    return {row.content_key or "": row for row in rows}


def start_of(mailbox: Mailbox) -> datetime | None:
    """The later of the profile's and the mailbox's start date (2.10)."""
    profile = mailbox.email_server_profile
    dates = [mailbox.process_email_received_after, profile.process_emails_received_after if profile else None]
    return max((date for date in dates if date is not None), default=None)
