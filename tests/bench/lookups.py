"""What judging and correlating one message costs in look-ups, at 10 thousand to 1 million stored emails:
`python -m tests.bench.lookups [SIZE …]`, the result as one line of JSON. TEST_DATABASE=postgres chooses PostgreSQL.

Two of three messages name an ancestor that is stored, the third has a conversation index that leads to one; their senders
are among a tenth as many contacts. Wall time, for PostgreSQL works in another process; the middle of several runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import django

SIZES = (10_000, 100_000, 1_000_000)
BATCH, BATCHES, RUNS = 50, 20, 5
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CHUNK = 10_000
Row = tuple[Any, ...]


def main(sizes: Iterable[int]) -> dict[str, float]:
    """Microseconds per message at each size."""
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor == "postgresql":
        _database_of_its_own()
    call_command("migrate", verbosity=0)
    world = World()
    found = {}
    for size in sizes:
        world.grow(size)
        found[str(size)] = world.measure(Random(size))
    return found


def _database_of_its_own() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE lookups")
    connection.close()
    connection.settings_dict["NAME"] = "lookups"


class World:
    """One mailbox, and as many emails, contacts and ledger rows as it was grown to."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model

        from mailboxes.models import Mailbox

        user = get_user_model().objects.create_user("alice", "alice@us.test")
        self.mailbox = Mailbox.objects.get(regarding_user=user)
        self.size = 0

    def grow(self, size: int) -> None:
        """Add emails until there are so many, their numbers as their Message-IDs; then let the database count."""
        from django.db import connection

        for first in range(self.size, size, CHUNK):
            self._add(range(first, min(first + CHUNK, size)))
        self.size = size
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def _add(self, numbers: range) -> None:
        from django.db import transaction

        from tracking.keep.bulk import insert_many

        with transaction.atomic():
            for rows in (self._emails(numbers), self._ledger(numbers), _parties(numbers), _people(numbers)):
                insert_many(rows)

    def _emails(self, numbers: range) -> list[Any]:
        from tracking.crm.models import Email

        return [
            Email(
                id=UUID(int=(1 << 100) + number),
                subject=f"Offer {number}",
                state_code=1,
                status_code=4,
                direction_code=False,
                message_id=_id_of(number),
                message_id_dup_check=UUID(int=number),
                conversation_tracking_id=UUID(int=(1 << 100) + number - number % 5),
                conversation_index=_index_of(number),
                base_conversation_index_hash=_base_hash(number),
                receiving_mailbox=self.mailbox,
                sent_on=NOW,
                created_on=NOW,
            )
            for number in numbers
        ]

    def _ledger(self, numbers: range) -> list[Any]:
        from tracking.models import LedgerRow, LedgerState

        return [
            LedgerRow(
                mailbox=self.mailbox,
                content_key=f"{number:032x}",
                state=LedgerState.TRACKED,
                email_id=UUID(int=(1 << 100) + number),
                message_id=_id_of(number),
                sender=_address(number),
                discovered_on=NOW,
            )
            for number in numbers
        ]

    def measure(self, random: Random) -> float:
        """Facts and verdicts for batches that nobody has seen."""
        times = [self._run(random) for _ in range(RUNS + 1)]
        return median(times[1:]) * 1e6 / (BATCH * BATCHES)

    def _run(self, random: Random) -> float:
        from mailboxes.policy import Policy
        from tracking.decide.relevance import judge
        from tracking.facts.batch import facts_for, rows_with
        from tracking.facts.owners import Owners

        batches = [list(_messages(random, self.size)) for _ in range(BATCHES)]
        policy, answered = Policy(), 0
        owners = Owners(self.mailbox, policy)
        before = time.perf_counter()
        for batch in batches:
            facts = facts_for(batch, owners, None, NOW)
            rows_with(self.mailbox, [message.key for message in batch])
            answered += sum(judge(message, facts, policy).kept for message in batch)
        spent = time.perf_counter() - before
        assert answered == BATCH * BATCHES, f"only {answered} were found to answer"
        return spent


def _parties(numbers: range) -> list[Any]:
    from django.contrib.contenttypes.models import ContentType

    from tracking.crm.models import ActivityParty, Email, Participation

    kind = ContentType.objects.get_for_model(Email)
    return [
        ActivityParty(
            activity_type=kind,
            activity_id=UUID(int=(1 << 100) + number),
            participation_type_mask=Participation.SENDER,
            address_used=_address(number),
        )
        for number in numbers
    ]


def _people(numbers: range) -> list[Any]:
    from django.contrib.contenttypes.models import ContentType

    from mailboxes.models import AddressEntry
    from tracking.crm.models import Contact

    kind = ContentType.objects.get_for_model(Contact)
    return [
        AddressEntry(
            address=_address(number),
            record_type=kind,
            record_id=str(UUID(int=number)),
            name=f"Person {number}",
            created_on=NOW,
        )
        for number in numbers
        if number % 10 == 0
    ]


def _messages(random: Random, size: int) -> Iterator[Any]:
    from profiles.connectors.mime import envelope
    from tracking.crm.identity import content_key
    from tracking.decide.verdicts import Message

    for _ in range(BATCH):
        ancestor = random.randrange(size)
        answers = f"In-Reply-To: {_id_of(ancestor)}" if ancestor % 3 else f"Thread-Index: {_index_of(ancestor)}"
        headers = envelope(
            f"From: {_address(ancestor)}\r\nTo: alice@us.test\r\nSubject: Re: Offer {ancestor}\r\n"
            f"Message-ID: <{random.getrandbits(60)}@shop.test>\r\n{answers}\r\n\r\n".encode()
        )
        yield Message(headers, content_key(headers), headers.message_id, 5000, NOW)


def _id_of(number: int) -> str:
    return f"<{number}@bench.test>"


def _address(number: int) -> str:
    return f"person{number - number % 10}@customer.test"


def _index_of(number: int) -> str:
    import base64

    conversation = number - number % 5 + 1
    return base64.b64encode(bytes([1]) + bytes(5) + conversation.to_bytes(16, "big")).decode()


def _base_hash(number: int) -> int:
    from tracking.decide.threads import index_of

    found = index_of(_index_of(number))
    assert found is not None
    return found.base_hash


if __name__ == "__main__":
    print(json.dumps(main([int(one) for one in sys.argv[1:]] or SIZES)))
