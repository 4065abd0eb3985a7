"""The product on the same corpus: setting it up, receiving everything, polling in vain, and what it says to its database."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.utils import timezone

from mailboxes.addresses import reindex
from mailboxes.models import Leg, Mailbox, MailboxLeg
from mailboxes.reach import access_to
from profiles.connectors import open_source
from profiles.items import INBOX
from serversync.cycles import engine
from tests.bench.corpus import OWNER, PEOPLE
from tests.company import Company, receive
from tests.world import SandboxProcess
from tracking.crm.models import Contact
from tracking.models import SyncCursor

POLLS = 30
MB = 1024 * 1024
LARGE = 50 * MB
LARGEST_PEAK = 100 * MB + 8 * LARGE
LEDGER = ("tracking_ledgerrow", "tracking_placement")


def set_up(sandbox: SandboxProcess, protocol: str) -> None:
    """A mailbox that takes everything, and every second correspondent as a contact."""
    company = Company(sandbox)
    profile = company.pop3_profile() if protocol == "pop3" else company.exchange_profile()
    company.user(OWNER.partition("@")[0].title(), profile)
    contacts = [Contact(full_name=address, email_address_1=address) for address in PEOPLE[::2]]
    reindex(Contact.objects.bulk_create(contacts))


def receive_all(mailbox: Mailbox) -> int:
    """One incoming cycle from claim to release; returns how many messages were tracked."""
    return receive(mailbox).report.tracked


class Statements:
    """What was said to the database: how often each kind of statement, the tables inserted into, and the texts."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.inserted: Counter[str] = Counter()
        self.texts: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = re.match(r"\s*(\w+)", sql)
        kind = found[1].upper() if found else ""
        self.kinds[kind] += 1
        if kind == "INSERT":
            table = re.search(r'INTO "(\w+)"', sql)
            self.inserted[table[1] if table else ""] += 1
        self.texts.append(sql)
        return execute(sql, params, many, context)

    def about(self, *tables: str) -> list[str]:
        """The statements that mention one of these tables."""
        return [sql for sql in self.texts if any(table in sql for table in tables)]


@contextmanager
def statements() -> Iterator[Statements]:
    """Listens to everything said to the database."""
    heard = Statements()
    with connection.execute_wrapper(heard):
        yield heard


def poll(mailbox: Mailbox) -> float:
    """One incoming cycle from claim to release, asked for beforehand; returns its CPU seconds."""
    leg = MailboxLeg.objects.get(mailbox=mailbox, leg=Leg.INCOMING)
    MailboxLeg.objects.filter(pk=leg.pk).request(timezone.now())
    before = time.process_time()
    [ended] = engine.drain(timezone.now, 60, among=[leg.pk])
    spent = time.process_time() - before
    assert ended.error is None, ended.error
    assert not ended.report.found_something, ended.report
    return spent


def ask_server(mailbox: Mailbox) -> float:
    """CPU seconds of one look at an unchanged folder through a connector that is already open, without the database."""
    cursor = SyncCursor.objects.get(leg__mailbox=mailbox, folder=INBOX).value
    source = open_source(access_to(mailbox, Leg.INCOMING))
    list(source.changes(INBOX, cursor))
    before = time.process_time()
    for _ in range(POLLS):
        pages = list(source.changes(INBOX, cursor))
    spent = time.process_time() - before
    assert [page.shown for page in pages] == [()]
    source.close()
    return spent / POLLS
