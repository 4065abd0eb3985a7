"""Appointments, contacts and tasks over EWS, and on the server in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from profiles.act_items import ItemKind, Notify, TakesFile
from profiles.connectors import open_item_store
from profiles.connectors.base import ItemRejected, MailboxUnavailable, OutcomeUnknown
from profiles.connectors.ews.act import listing
from profiles.connectors.item_store import ItemStore
from profiles.connectors.memory import MemoryServer
from profiles.connectors.memory_items import MemoryItems
from profiles.items import Access, Transport
from tests.profiles.act_samples import TASK
from tests.profiles.exchange import ALICE, PASSWORD, access, requests, set_up
from tests.profiles.item_store_rules import ItemStoreRules, caught_up, weekly
from tests.profiles.subcalendar_rules import Subcalendar, SubcalendarRules
from tests.world import SandboxProcess

SIMPLE_THERE = {
    "subject": "Fair",
    "start": "2026-03-28T09:00:00Z",
    "end": "2026-03-28T10:00:00Z",
    "time_zone": "UTC",
}


class TestMemory(ItemStoreRules, SubcalendarRules):
    @pytest.fixture
    def server(self) -> MemoryServer:
        server = MemoryServer("items.us.test")
        server.account(ALICE, PASSWORD)
        return server

    @pytest.fixture
    def store(self, server: MemoryServer) -> ItemStore:
        return open_item_store(Access(Transport.MEMORY, ALICE, host="items.us.test", password=PASSWORD))

    @pytest.fixture
    def with_files(self, server: MemoryServer) -> Callable[[TakesFile], ItemStore]:
        reached = Access(Transport.MEMORY, ALICE, host="items.us.test", password=PASSWORD)
        return lambda takes: open_item_store(reached, takes_file=takes)

    @pytest.fixture
    def lose_cursors(self, server: MemoryServer) -> Callable[[], None]:
        return MemoryItems.at(server, ALICE).lose_cursors

    @pytest.fixture
    def subcalendar(self, server: MemoryServer) -> Subcalendar:
        return MemoryBelow(MemoryItems.at(server, ALICE))


class Below:
    """A calendar below that of a mailbox on Exchange, made when it is needed."""

    def __init__(self, exchange: SandboxProcess) -> None:
        self.exchange = exchange
        self.key = ""

    def move(self, key: str, *, below: bool) -> str:
        if below and not self.key:
            self.key = self.exchange.folder(ALICE, "Team", "calendar", "IPF.Appointment")
        return self.exchange.move(ALICE, key, self.key if below else "calendar")

    def drop(self) -> None:
        self.exchange.delete_folder(ALICE, self.key, to_bin=True)


class MemoryBelow:
    """The same on a server in this process."""

    def __init__(self, items: MemoryItems) -> None:
        self.items = items

    def move(self, key: str, *, below: bool) -> str:
        return self.items.move(key, below=below).key

    def drop(self) -> None:
        for key in [one.key for one in self.items.held.values() if one.is_in_subfolder]:
            self.items.remove(key)


class TestExchange(ItemStoreRules, SubcalendarRules):
    @pytest.fixture
    def exchange(self, sandbox: SandboxProcess) -> SandboxProcess:
        return set_up(sandbox)

    @pytest.fixture
    def store(self, exchange: SandboxProcess) -> Iterator[ItemStore]:
        store = open_item_store(access(exchange.ews_url))
        yield store
        store.close()

    @pytest.fixture
    def with_files(self, exchange: SandboxProcess) -> Callable[[TakesFile], ItemStore]:
        return lambda takes: open_item_store(access(exchange.ews_url), takes_file=takes)

    @pytest.fixture
    def lose_cursors(self, exchange: SandboxProcess) -> Callable[[], None]:
        return lambda: exchange.lose_sync_state(ALICE)

    @pytest.fixture
    def subcalendar(self, exchange: SandboxProcess) -> Subcalendar:
        return Below(exchange)

    def test_an_idle_kind_costs_one_request(self, exchange: SandboxProcess, store: ItemStore) -> None:
        for kind in ItemKind:
            [page] = store.changes(kind, "")
            exchange.clear_log()
            [page] = store.changes(kind, page.cursor)
            assert (page.shown, requests(exchange)) == ((), {"SyncFolderItems": 1})

    def test_a_calendar_below_costs_one_request_more_and_is_looked_for_every_quarter_of_an_hour(
        self, exchange: SandboxProcess, store: ItemStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # 10.1 d
        cursor = caught_up(store, ItemKind.APPOINTMENT)[2].cursor
        team = exchange.folder(ALICE, "Team", "calendar", "IPF.Appointment")
        exchange.folder(ALICE, "Letters about it", "calendar")
        item = exchange.put_act_item(
            ALICE, "appointment", SIMPLE_THERE, folder=exchange.folder(ALICE, "A", team, "IPF.Appointment")
        )
        assert caught_up(store, ItemKind.APPOINTMENT, cursor)[0] == {}
        monkeypatch.setattr(listing, "LOOK_EVERY", 0)
        exchange.clear_log()
        shown, _, page = caught_up(store, ItemKind.APPOINTMENT, cursor)
        assert (set(shown), requests(exchange)) == (
            {item["id"]},
            {"SyncFolderItems": 3, "FindFolder": 1, "GetFolder": 1},
        )
        monkeypatch.undo()
        exchange.clear_log()
        assert caught_up(store, ItemKind.APPOINTMENT, page.cursor)[:2] == ({}, set())
        assert requests(exchange) == {"SyncFolderItems": 3}

    def test_a_cursor_from_before_there_were_calendars_below_goes_on(
        self, exchange: SandboxProcess, store: ItemStore
    ) -> None:
        exchange.put_act_item(ALICE, "appointment", SIMPLE_THERE)
        cursor = caught_up(store, ItemKind.APPOINTMENT)[2].cursor
        team = exchange.folder(ALICE, "Team", "calendar", "IPF.Appointment")
        item = exchange.put_act_item(ALICE, "appointment", SIMPLE_THERE, folder=team)
        plain = listing.Cursor.read(cursor).states[listing.MAIN]
        shown, gone, page = caught_up(store, ItemKind.APPOINTMENT, plain)
        assert (set(shown), gone, page.complete) == ({item["id"]}, set(), False)

    def test_a_line_that_breaks_after_the_request_leaves_the_outcome_open(
        self, exchange: SandboxProcess, store: ItemStore
    ) -> None:  # law 7
        exchange.fault(face="ews", operation="CreateItem", effect="drop", times=1)
        with pytest.raises(OutcomeUnknown):
            store.create(ItemKind.TASK, "m/1", TASK, Notify.NOBODY)

    def test_a_meeting_that_was_called_elsewhere_is_found_by_its_own_uid(
        self, exchange: SandboxProcess, store: ItemStore
    ) -> None:  # 10.2.4
        item = exchange.put_act_item(ALICE, "appointment", SIMPLE_THERE, uid="fair-2026@elsewhere.test")
        list(store.changes(ItemKind.APPOINTMENT, ""))
        exchange.clear_log()
        found = store.find_by_uid(["fair-2026@elsewhere.test", *(f"other {number}" for number in range(40))])
        assert found == {"fair-2026@elsewhere.test": item["id"]}
        assert requests(exchange) == {"FindItem": 1}

    def test_an_occurrence_that_is_not_there_is_named(self, store: ItemStore) -> None:
        key = store.create(ItemKind.APPOINTMENT, "m/1", weekly("UTC"), Notify.NOBODY).key
        with pytest.raises(ItemRejected):
            store.update_occurrence(key, datetime(2026, 3, 24, 9, tzinfo=UTC), {"subject": "x"}, Notify.NOBODY)


def test_a_pop3_server_has_no_calendar() -> None:
    with pytest.raises(MailboxUnavailable, match="POP3"):
        open_item_store(Access(Transport.POP3, ALICE, host="pop.us.test"))
