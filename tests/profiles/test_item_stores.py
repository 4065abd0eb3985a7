"""Appointments, contacts and tasks over EWS, and on the server in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from profiles.act_items import Attached, Item, ItemKind, Notify, TakesFile
from profiles.connectors import open_item_store
from profiles.connectors.base import (
    Conflict,
    ItemRejected,
    MailboxUnavailable,
    OutcomeUnknown,
    ResyncRequired,
    Throttled,
    Transient,
)
from profiles.connectors.ews.act import listing
from profiles.connectors.item_store import ItemStore
from profiles.connectors.memory import MemoryServer
from profiles.connectors.memory_items import MemoryItems
from profiles.items import Access, Missing, Transport
from tests.profiles.act_samples import SIMPLE, TASK
from tests.profiles.exchange import ALICE, PASSWORD, access, canned, requests, says, set_up, soap, success
from tests.profiles.item_store_rules import (
    NOTES,
    PLAN,
    ItemStoreRules,
    attached,
    caught_up,
    contents,
    the,
    weekly,
)
from tests.profiles.subcalendar_rules import Subcalendar, SubcalendarRules
from tests.world import SandboxProcess

NEWER_PLAN = attached("plan.txt", b"First, coffee.")
UNREADABLE_FILE = (
    *("ErrorCannotOpenFileAttachment", "ErrorVirusDetected", "ErrorVirusMessageDeleted"),
    *("ErrorInvalidAttachmentId", "ErrorContentConversionFailed", "ErrorInternalServerError"),
)
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

    def test_a_calendar_below_that_has_gone_since_anybody_looked_has_everything_listed_anew(
        self, exchange: SandboxProcess, store: ItemStore
    ) -> None:  # 10.1 d, law 5
        team = exchange.folder(ALICE, "Team", "calendar", "IPF.Appointment")
        cursor = caught_up(store, ItemKind.APPOINTMENT)[2].cursor
        exchange.delete_folder(ALICE, team)
        with pytest.raises(ResyncRequired):
            list(store.changes(ItemKind.APPOINTMENT, cursor))

    def test_a_calendar_below_that_has_gone_before_it_was_read_is_forgotten(
        self, exchange: SandboxProcess, store: ItemStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # 10.1 d, law 5
        exchange.put_act_item(ALICE, "appointment", SIMPLE_THERE)
        team = exchange.folder(ALICE, "Team", "calendar", "IPF.Appointment")
        first = next(iter(store.changes(ItemKind.APPOINTMENT, "")))  # interrupted after the first page
        assert listing.Cursor.read(first.cursor).states[team] == ""
        exchange.delete_folder(ALICE, team)
        page = caught_up(store, ItemKind.APPOINTMENT, first.cursor)[2]
        monkeypatch.setattr(listing, "LOOK_EVERY", 0)
        page = caught_up(store, ItemKind.APPOINTMENT, page.cursor)[2]
        assert [*listing.Cursor.read(page.cursor).states] == [listing.MAIN]

    def test_a_calendar_below_that_may_not_be_opened_stops_no_other(
        self, exchange: SandboxProcess, store: ItemStore
    ) -> None:  # law 5
        teams = [exchange.folder(ALICE, name, "calendar", "IPF.Appointment") for name in ("Sales", "Team")]
        cursor = caught_up(store, ItemKind.APPOINTMENT)[2].cursor
        items = {exchange.put_act_item(ALICE, "appointment", SIMPLE_THERE, folder=team)["id"] for team in teams}
        exchange.fault(
            face="ews", operation="SyncFolderItems", effect="response", code="ErrorAccessDenied", skip=1, times=1
        )
        shown, gone, page = caught_up(store, ItemKind.APPOINTMENT, cursor)
        assert (len(shown), set(shown) < items, gone) == (1, True, set())
        later, gone, _ = caught_up(store, ItemKind.APPOINTMENT, page.cursor)
        assert ({*shown, *later}, gone) == (items, set())

    @pytest.mark.parametrize(
        ("code", "becomes"),
        [
            ("ErrorServerBusy", Throttled),
            ("ErrorBatchProcessingStopped", Transient),
            ("ErrorItemCorrupt", None),
            ("ErrorInternalServerError", None),
        ],
    )
    def test_a_series_of_which_a_changed_occurrence_cannot_be_read_is_not_told_without_it(
        self, exchange: SandboxProcess, store: ItemStore, code: str, becomes: type[Exception] | None
    ) -> None:  # 10.4, law 5
        series = weekly("UTC")
        key = store.create(ItemKind.APPOINTMENT, "m/1", series, Notify.NOBODY).key
        store.update_occurrence(key, series["start"], {"subject": "Party"}, Notify.NOBODY)
        exchange.fault(face="ews", operation="GetItem", effect="response", code=code, skip=1, times=1)
        if becomes is not None:
            with pytest.raises(becomes):
                list(store.fetch(ItemKind.APPOINTMENT, [key]))
        else:
            [missing] = store.fetch(ItemKind.APPOINTMENT, [key])
            assert isinstance(missing, Missing)
            assert not missing.gone
        [found] = store.fetch(ItemKind.APPOINTMENT, [key])
        assert isinstance(found, Item)
        assert [one.fields["subject"] for one in found.changed] == ["Party"]

    @pytest.mark.parametrize(
        "fault",
        [
            *({"effect": "response", "code": code} for code in UNREADABLE_FILE),
            {"effect": "soap", "code": "ErrorInternalServerError"},
            {"effect": "status", "status": 500},
        ],
    )
    def test_a_file_that_exchange_cannot_give_is_left_out(
        self, exchange: SandboxProcess, with_files: Callable[[TakesFile], ItemStore], fault: dict[str, object]
    ) -> None:  # 5.19, law 5
        store, key = with_plan(with_files)
        exchange.fault(face="ews", operation="GetAttachment", **fault)
        [found] = store.fetch(ItemKind.APPOINTMENT, [key], files=True)
        assert isinstance(found, Item)
        assert found.fields["attachments"] == (Attached("plan.txt"),)

    def test_an_item_whose_file_cannot_be_had_now_waits_alone(
        self, exchange: SandboxProcess, with_files: Callable[[TakesFile], ItemStore]
    ) -> None:  # law 5
        store, key = with_plan(with_files)
        other = store.create(ItemKind.APPOINTMENT, "m/2", SIMPLE, Notify.NOBODY).key
        exchange.fault(face="ews", operation="GetAttachment", effect="response", code="ErrorTimeoutExpired")
        missing, found = store.fetch(ItemKind.APPOINTMENT, [key, other], files=True)
        assert isinstance(missing, Missing)
        assert (missing.gone, isinstance(found, Item)) == (False, True)

    def test_a_file_that_cannot_be_read_is_never_replaced(
        self, exchange: SandboxProcess, with_files: Callable[[TakesFile], ItemStore]
    ) -> None:  # 5.19
        store, key = with_plan(with_files)
        version = the(store, ItemKind.APPOINTMENT, key).version
        exchange.fault(face="ews", operation="GetAttachment", effect="response", code="ErrorVirusDetected", times=1)
        with pytest.raises(Conflict):
            store.update(ItemKind.APPOINTMENT, key, version, {"attachments": (NEWER_PLAN,)}, Notify.NOBODY)
        assert contents(the(store, ItemKind.APPOINTMENT, key)) == {"plan.txt": b"First, lunch."}

    def test_where_a_new_file_is_refused_the_old_one_stays_and_the_rest_is_written(
        self, exchange: SandboxProcess, with_files: Callable[[TakesFile], ItemStore]
    ) -> None:
        store, key = with_plan(with_files)
        version = the(store, ItemKind.APPOINTMENT, key).version
        code = "ErrorAttachmentSizeLimitExceeded"
        exchange.fault(face="ews", operation="CreateAttachment", effect="response", code=code, skip=1, times=1)
        changes = {"subject": "Late", "attachments": (NEWER_PLAN, NOTES)}
        with pytest.raises(ItemRejected):
            store.update(ItemKind.APPOINTMENT, key, version, changes, Notify.NOBODY)
        found = the(store, ItemKind.APPOINTMENT, key)
        assert found.fields["subject"] == "Late"
        assert contents(found) == {"plan.txt": b"First, lunch.", "notes.txt": b"Say hello."}
        store.update(ItemKind.APPOINTMENT, key, found.version, changes, Notify.NOBODY)
        again = the(store, ItemKind.APPOINTMENT, key)
        assert contents(again) == {"plan.txt": b"First, coffee.", "notes.txt": b"Say hello."}

    def test_where_nobody_has_the_content_of_a_new_file_the_old_one_stays(
        self, with_files: Callable[[TakesFile], ItemStore]
    ) -> None:
        store, key = with_plan(with_files)
        version = the(store, ItemKind.APPOINTMENT, key).version
        changes = {"subject": "Late", "attachments": (replace(NEWER_PLAN, content=None),)}
        with pytest.raises(ItemRejected, match=r"plan\.txt"):
            store.update(ItemKind.APPOINTMENT, key, version, changes, Notify.NOBODY)
        found = the(store, ItemKind.APPOINTMENT, key)
        assert (found.fields["subject"], contents(found)) == ("Late", {"plan.txt": b"First, lunch."})


def with_plan(with_files: Callable[[TakesFile], ItemStore]) -> tuple[ItemStore, str]:
    """An appointment with one file."""
    store = with_files(lambda *_: True)
    written = store.create(ItemKind.APPOINTMENT, "m/1", {**SIMPLE, "attachments": (PLAN,)}, Notify.NOBODY)
    return store, written.key


def test_an_appointment_to_the_end_of_all_days_is_told_as_one_that_cannot_be_read() -> None:  # laws 5 and 8
    item = (
        '<m:Items><t:CalendarItem><t:ItemId Id="a" ChangeKey="b"/><t:Start>9999-12-30T11:00:00Z</t:Start>'
        "<t:End>9999-12-31T11:00:00Z</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>"
        '<t:StartTimeZone Id="New Zealand Standard Time"/></t:CalendarItem></m:Items>'
    )
    with canned(says(soap("GetItem", success("GetItem", item)))) as url:
        [missing] = open_item_store(access(url)).fetch(ItemKind.APPOINTMENT, ["a"])
    assert isinstance(missing, Missing)
    assert not missing.gone


def test_a_list_that_does_not_go_on_is_not_taken_for_the_whole_one() -> None:  # law 9
    answer = success(
        "SyncFolderItems", "<m:SyncState>1</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange>"
    )
    with canned(says(soap("SyncFolderItems", answer))) as url:
        pages = open_item_store(access(url)).changes(ItemKind.TASK, "")
        assert not next(pages).complete
        with pytest.raises(Transient):
            next(pages)


def test_a_pop3_server_has_no_calendar() -> None:
    with pytest.raises(MailboxUnavailable, match="POP3"):
        open_item_store(Access(Transport.POP3, ALICE, host="pop.us.test"))
