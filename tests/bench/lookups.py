"""What judging and correlating one message costs in look-ups, at 10 thousand to 1 million stored emails:
`python -m tests.bench.lookups [SIZE …]`, the result as one line of JSON. TEST_DATABASE=postgres chooses PostgreSQL.

Two of three messages name an ancestor that is stored, the third has a conversation index that leads to one; their senders
are among a tenth as many contacts. Each size has a database of its own, which is used again if TEST_VAR_DIR still has it.
Processor time of this process and of the PostgreSQL process that works for it (Linux only), the middle of many runs. The
sizes take turns: a slow moment of the machine touches all alike, and growth is the middle of what each turn says.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import django

SIZES = (10_000, 100_000, 1_000_000)
BATCH, BATCHES, RUNS = 50, 20, 30
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CHUNK = 10_000
BODY = "Dear Alice, thank you for the offer, which we accept. When can you deliver? " * 16


def main(sizes: Iterable[int]) -> dict[str, float]:
    """Microseconds per message at each size, and how many times the last costs what the first does."""
    django.setup()
    worlds = [World(size) for size in sizes]
    turns = [[world.measure(Random(f"{turn} {world.size}")) for world in worlds] for turn in range(RUNS + 1)]
    del turns[0]  # it warms up
    costs = {str(world.size): median(found) for world, found in zip(worlds, zip(*turns, strict=True), strict=True)}
    return costs | {"growth": median(last / first for first, *_, last in turns)}


class World:
    """One mailbox, so many emails, contacts and ledger rows, and a connection to the database in which they are."""

    def __init__(self, size: int) -> None:
        from django.core.management import call_command

        from mailboxes.models import Mailbox

        self.size, name = size, f"lookups_{size}"
        if not _exists(name):
            self._build(name)
        self._connection = _use(name)
        call_command("migrate", verbosity=0)  # it may be older than the code
        self._connection.ensure_connection()
        self.mailbox = Mailbox.objects.get(regarding_user__username="alice")

    def _build(self, name: str) -> None:
        """Under another name until it is whole."""
        unfinished = f"{name}_unfinished"
        _create(unfinished)
        connection = _use(unfinished)
        self._fill()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
        connection.close()
        _rename(unfinished, name)

    def _fill(self) -> None:
        from django.contrib.auth import get_user_model
        from django.core.management import call_command

        from mailboxes.models import Mailbox

        call_command("migrate", verbosity=0)
        user = get_user_model().objects.create_user("alice", "alice@us.test")
        self.mailbox = Mailbox.objects.get(regarding_user=user)
        for first in range(0, self.size, CHUNK):
            self._add(range(first, min(first + CHUNK, self.size)))

    def _add(self, numbers: range) -> None:
        from django.db import transaction

        from profiles.statements import insert_many

        with transaction.atomic():
            for rows in (self._emails(numbers), self._ledger(numbers), _parties(numbers), _people(numbers)):
                insert_many(rows)

    def _emails(self, numbers: range) -> list[Any]:
        from tracking.crm.models import Email

        return [
            Email(
                id=UUID(int=(1 << 100) + number),
                subject=f"Offer {number}",
                description=BODY,
                state_code=1,
                status_code=4,
                direction_code=False,
                message_id=_id_of(number),
                message_id_dup_check=UUID(_scattered(number)),
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
                content_key=_scattered(number),
                state=LedgerState.TRACKED,
                email_id=UUID(int=(1 << 100) + number),
                message_id=_id_of(number),
                sender=_address(number),
                discovered_on=NOW,
            )
            for number in numbers
        ]

    def measure(self, random: Random) -> float:
        """Facts and verdicts for batches that nobody has seen, in microseconds per message."""
        from django.db import connections

        from mailboxes.policy import Policy
        from tracking.decide.relevance import judge
        from tracking.facts.batch import facts_for, rows_with
        from tracking.facts.owners import Owners

        connections["default"] = self._connection
        batches = [list(_messages(random, self.size)) for _ in range(BATCHES)]
        policy, answered = Policy(), 0
        owners = Owners(self.mailbox, policy)
        before = _processor_seconds(self._connection)
        for batch in batches:
            facts = facts_for(batch, owners, None, NOW)
            rows_with(self.mailbox, [message.key for message in batch])
            answered += sum(judge(message, facts, policy).kept for message in batch)
        spent = _processor_seconds(self._connection) - before
        assert answered == BATCH * BATCHES, f"only {answered} were found to answer"
        return spent * 1e6 / (BATCH * BATCHES)


def _processor_seconds(connection: Any) -> float:
    spent = time.process_time()
    if connection.vendor == "postgresql":
        told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
        spent += int(told.split()[0]) / 1e9
    return spent


def _use(name: str) -> Any:
    """A new connection to this database, to which everything that follows is said."""
    from django.db import connections

    default = connections["default"]
    place = str(_file(name)) if default.vendor == "sqlite" else name
    connections["default"] = type(default)({**default.settings_dict, "NAME": place}, "default")
    return connections["default"]


def _exists(name: str) -> bool:
    from django.db import connection

    if connection.vendor == "sqlite":
        return _file(name).exists()
    with _use("postgres").cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return cursor.fetchone() is not None


def _create(name: str) -> None:
    """An empty database, whatever an interrupted run has left there."""
    from django.db import connection

    if connection.vendor == "sqlite":
        for end in ("", "-wal", "-shm"):
            Path(f"{_file(name)}{end}").unlink(missing_ok=True)
        return
    with _use("postgres").cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")


def _rename(name: str, new: str) -> None:
    from django.db import connection

    if connection.vendor == "sqlite":
        _file(name).rename(_file(new))
        return
    with _use("postgres").cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RENAME TO {new}")


def _file(name: str) -> Path:
    from django.conf import settings

    return Path(settings.VAR_DIR) / f"{name}.sqlite3"


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


def _scattered(number: int) -> str:
    """32 hex digits without any order, as hashes are."""
    return blake2b(str(number).encode(), digest_size=16).hexdigest()


def _id_of(number: int) -> str:
    return f"<{number}@bench.test>"


def _address(number: int) -> str:
    return f"person{number - number % 10}@customer.test"


def _index_of(number: int) -> str:
    import base64

    conversation = number - number % 5 + 1
    return base64.b64encode(bytes([1]) + bytes(5) + conversation.to_bytes(16, "big")).decode()


def _base_hash(number: int) -> int:
    from tracking.crm.conversation_index import index_of

    found = index_of(_index_of(number))
    assert found is not None
    return found.base_hash


if __name__ == "__main__":
    print(json.dumps(main([int(one) for one in sys.argv[1:]] or SIZES)))
