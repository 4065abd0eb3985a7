"""Appointments, contacts and tasks over EWS, and on the server in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from profiles.act_items import ItemKind, Notify
from profiles.connectors import open_item_store
from profiles.connectors.base import ItemRejected, MailboxUnavailable, OutcomeUnknown
from profiles.connectors.item_store import ItemStore
from profiles.connectors.memory import MemoryServer
from profiles.connectors.memory_items import MemoryItems
from profiles.items import Access, Transport
from tests.profiles.act_samples import TASK
from tests.profiles.exchange import ALICE, PASSWORD, access, requests, set_up
from tests.profiles.item_store_rules import ItemStoreRules, weekly
from tests.world import SandboxProcess


class TestMemory(ItemStoreRules):
    @pytest.fixture
    def server(self) -> MemoryServer:
        server = MemoryServer("items.us.test")
        server.account(ALICE, PASSWORD)
        return server

    @pytest.fixture
    def store(self, server: MemoryServer) -> ItemStore:
        return open_item_store(Access(Transport.MEMORY, ALICE, host="items.us.test", password=PASSWORD))

    @pytest.fixture
    def lose_cursors(self, server: MemoryServer) -> Callable[[], None]:
        return MemoryItems.at(server, ALICE).lose_cursors


class TestExchange(ItemStoreRules):
    @pytest.fixture
    def exchange(self, sandbox: SandboxProcess) -> SandboxProcess:
        return set_up(sandbox)

    @pytest.fixture
    def store(self, exchange: SandboxProcess) -> Iterator[ItemStore]:
        store = open_item_store(access(exchange.ews_url))
        yield store
        store.close()

    @pytest.fixture
    def lose_cursors(self, exchange: SandboxProcess) -> Callable[[], None]:
        return lambda: exchange.lose_sync_state(ALICE)

    def test_an_idle_kind_costs_one_request(self, exchange: SandboxProcess, store: ItemStore) -> None:
        for kind in ItemKind:
            [page] = store.changes(kind, "")
            exchange.clear_log()
            [page] = store.changes(kind, page.cursor)
            assert (page.shown, requests(exchange)) == ((), {"SyncFolderItems": 1})

    def test_a_line_that_breaks_after_the_request_leaves_the_outcome_open(
        self, exchange: SandboxProcess, store: ItemStore
    ) -> None:  # law 7
        exchange.fault(face="ews", operation="CreateItem", effect="drop", times=1)
        with pytest.raises(OutcomeUnknown):
            store.create(ItemKind.TASK, "m/1", TASK, Notify.NOBODY)

    def test_an_occurrence_that_is_not_there_is_named(self, store: ItemStore) -> None:
        key = store.create(ItemKind.APPOINTMENT, "m/1", weekly("UTC"), Notify.NOBODY).key
        with pytest.raises(ItemRejected):
            store.update_occurrence(key, datetime(2026, 3, 24, 9, tzinfo=UTC), {"subject": "x"}, Notify.NOBODY)


def test_a_pop3_server_has_no_calendar() -> None:
    with pytest.raises(MailboxUnavailable, match="POP3"):
        open_item_store(Access(Transport.POP3, ALICE, host="pop.us.test"))
