"""What every store of appointments, contacts and tasks promises (`connectors.item_store`)."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from profiles.act_items import FIELDS, Attached, Item, ItemKind, ItemPage, Notify, PostalAddress, Recurrence
from profiles.connectors.base import Conflict, ItemRejected, ResyncRequired
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from tests.profiles.act_samples import APPOINTMENT, BOB, CAROL, DAVE, END, FULL, PATTERNS, SIMPLE, START, TASK, ZONES

KINDS = pytest.mark.parametrize("kind", ItemKind)
CALENDAR, CONTACTS, TASKS = ItemKind.APPOINTMENT, ItemKind.CONTACT, ItemKind.TASK


def the(store: ItemStore, kind: ItemKind, key: str) -> Item:
    """The item as it is now."""
    [found] = store.fetch(kind, [key], files=True)
    assert isinstance(found, Item), found
    return found


def caught_up(store: ItemStore, kind: ItemKind, cursor: str = "") -> tuple[dict[str, str], set[str], ItemPage]:
    """What all pages since a cursor showed, what is gone, and the last page."""
    shown, gone, page = {}, set(), None
    for page in store.changes(kind, cursor):
        shown |= {one.key: one.version for one in page.shown}
        gone |= set(page.gone)
    assert page is not None
    return shown, gone, page


def weekly(zone: str = "Europe/Paris", **more) -> dict:
    """Each Monday and Wednesday at nine, over a change of the clocks."""
    local = datetime(2026, 3, 23, 9, tzinfo=ZoneInfo(zone))
    pattern = Recurrence(PATTERNS[1].frequency, date(2026, 3, 23), weekdays=(0, 2), count=6)
    start = local.astimezone(UTC)
    times = {"start": start, "end": start + timedelta(hours=1), "is_all_day": False, "time_zone": zone}
    return {"subject": "Every Monday", **times, "recurrence": pattern, **more}


def attached(name: str, content: bytes) -> Attached:
    """A file of this content."""
    return Attached(name, hashlib.sha256(content).hexdigest(), len(content), "text/plain", lambda: content)


def contents(item: Item) -> dict[str, bytes]:
    """What is in the files of an item."""
    return {one.name: one.content() for one in item.fields["attachments"]}


PLAN, NOTES = attached("plan.txt", b"First, lunch."), attached("notes.txt", b"Say hello.")


class ItemStoreRules:
    """A class of tests gives `store`, `lose_cursors`, and `with_files`, which opens a store that is asked for files."""

    @pytest.fixture
    def store_with_files(self, with_files) -> ItemStore:
        return with_files(lambda name, size: size < 1000 and not name.endswith(".exe"))

    @KINDS
    def test_each_field_comes_back_as_it_was_written(self, store: ItemStore, kind: ItemKind) -> None:
        key = store.create(kind, "m/1", FULL[kind], Notify.NOBODY).key
        found = the(store, kind, key)
        assert {name: found.fields.get(name) for name in FULL[kind]} == FULL[kind]
        assert found.mark == "m/1"

    @KINDS
    def test_each_field_can_be_set_later_and_taken_away(self, store: ItemStore, kind: ItemKind) -> None:  # 10.8
        few = SIMPLE if kind is CALENDAR else {"subject": "x"} if kind is TASKS else {"full_name": "X"}
        written = store.create(kind, "m/1", few, Notify.NOBODY)
        written = store.update(kind, written.key, written.version, FULL[kind], Notify.NOBODY)
        found = the(store, kind, written.key)
        assert {name: found.fields.get(name) for name in FULL[kind]} == FULL[kind]
        texts = {name for name, value in FULL[kind].items() if isinstance(value, str | PostalAddress | tuple)}
        cleared = dict.fromkeys(texts - {"importance", "show_as", "status", "time_zone", "subject", "full_name"})
        store.update(kind, written.key, found.version, cleared, Notify.NOBODY)
        left = the(store, kind, written.key).fields
        assert {name: left.get(name) or None for name in cleared} == cleared
        assert left.get("subject") == FULL[kind].get("subject")

    def test_only_the_fields_that_are_named_are_touched(self, store: ItemStore) -> None:
        written = store.create(CONTACTS, "m/1", FULL[CONTACTS], Notify.NOBODY)
        store.update(CONTACTS, written.key, written.version, {"email_2": "ann@new.test", "pager": None}, Notify.NOBODY)
        found = the(store, CONTACTS, written.key).fields
        assert {name: found.get(name) for name in FULL[CONTACTS]} == FULL[CONTACTS] | {
            "email_2": "ann@new.test",
            "pager": None,
        }

    def test_every_canonical_field_is_known(self, store: ItemStore) -> None:
        # by series, by the server, by completing, by a store that is asked for them
        told = {"recurrence", "organizer", "completed", "attachments"}
        assert {kind: set(FIELDS[kind]) - set(FULL[kind]) - told for kind in ItemKind} == {
            kind: set() for kind in ItemKind
        }

    def test_whole_days_are_dates_in_the_zone_of_the_appointment(self, store: ItemStore) -> None:  # peers 28
        for number, zone in enumerate(ZONES):
            days = {"start": date(2026, 3, 28), "end": date(2026, 3, 30), "is_all_day": True, "time_zone": zone}
            key = store.create(CALENDAR, f"m/{number}", {"subject": zone, **days}, Notify.NOBODY).key
            found = the(store, CALENDAR, key).fields
            seen = {name: found.get(name) for name in days}
            assert seen == days, seen

    def test_moving_the_end_alone_leaves_the_rest_of_the_time_as_it_was(self, store: ItemStore) -> None:
        written = store.create(CALENDAR, "m/1", APPOINTMENT, Notify.NOBODY)
        later = END + timedelta(minutes=30)
        store.update(CALENDAR, written.key, written.version, {"end": later}, Notify.NOBODY)
        found = the(store, CALENDAR, written.key).fields
        assert (found["start"], found["end"], found["time_zone"]) == (START, later, "Europe/Paris")

    def test_a_completed_task_is_completed_throughout(self, store: ItemStore) -> None:  # 10.7
        written = store.create(TASKS, "m/1", TASK, Notify.NOBODY)
        done = {"status": "completed", "percent_complete": 100}
        store.update(TASKS, written.key, written.version, done, Notify.NOBODY)
        found = the(store, TASKS, written.key).fields
        assert (found["status"], found["percent_complete"]) == ("completed", 100)

    # Changes

    @KINDS
    def test_what_is_made_changed_and_deleted_is_shown_once(self, store: ItemStore, kind: ItemKind) -> None:
        one = store.create(kind, "m/1", FULL[kind], Notify.NOBODY)
        two = store.create(kind, "m/2", FULL[kind], Notify.NOBODY)
        shown, gone, page = caught_up(store, kind)
        assert (shown, gone, page.complete) == ({one.key: one.version, two.key: two.version}, set(), True)
        name = "full_name" if kind is CONTACTS else "subject"
        one = store.update(kind, one.key, one.version, {name: "Other"}, Notify.NOBODY)
        store.delete(kind, two.key, Notify.NOBODY)
        shown, gone, page = caught_up(store, kind, page.cursor)
        assert (shown, gone, page.complete) == ({one.key: one.version}, {two.key}, False)
        assert caught_up(store, kind, page.cursor) == ({}, set(), ItemPage((), (), page.cursor))

    def test_the_kinds_do_not_mix(self, store: ItemStore) -> None:
        keys = {kind: store.create(kind, "m/1", FULL[kind], Notify.NOBODY).key for kind in ItemKind}
        assert {kind: set(caught_up(store, kind)[0]) for kind in ItemKind} == {
            kind: {key} for kind, key in keys.items()
        }

    @KINDS
    def test_a_lost_cursor_asks_for_everything_again(self, store: ItemStore, kind: ItemKind, lose_cursors) -> None:
        store.create(kind, "m/1", FULL[kind], Notify.NOBODY)
        cursor = caught_up(store, kind)[2].cursor
        lose_cursors()
        with pytest.raises(ResyncRequired):
            caught_up(store, kind, cursor)

    # Writing safely

    @KINDS
    def test_a_version_that_is_no_longer_current_is_not_overwritten(self, store: ItemStore, kind: ItemKind) -> None:
        written = store.create(kind, "m/1", FULL[kind], Notify.NOBODY)
        name = "full_name" if kind is CONTACTS else "subject"
        store.update(kind, written.key, written.version, {name: "First"}, Notify.NOBODY)
        with pytest.raises(Conflict):
            store.update(kind, written.key, written.version, {name: "Second"}, Notify.NOBODY)
        assert the(store, kind, written.key).fields[name] == "First"

    @KINDS
    def test_what_we_made_is_found_by_its_mark(self, store: ItemStore, kind: ItemKind) -> None:  # law 7
        key = store.create(kind, "m/1", FULL[kind], Notify.NOBODY).key
        assert store.find(kind, ["m/1", "m/2"]) == {"m/1": key}

    def test_a_meeting_is_found_by_what_identifies_it_in_all_calendars(self, store: ItemStore) -> None:  # 10.2.4
        keys = [
            store.create(CALENDAR, f"m/{n}", fields, Notify.NOBODY).key for n, fields in enumerate((SIMPLE, weekly()))
        ]
        uids = {the(store, CALENDAR, key).uid: key for key in keys}
        assert store.find_by_uid([*uids, "nobody's"]) == uids
        assert [store.find_by_uid([uid]) for uid in uids] == [{uid: key} for uid, key in uids.items()]
        store.delete(CALENDAR, keys[0], Notify.NOBODY)
        assert set(store.find_by_uid(list(uids)).values()) == {keys[1]}
        assert store.find_by_uid([]) == store.find_by_uid([""]) == {}

    @KINDS
    def test_what_a_person_made_can_be_marked(self, store: ItemStore, kind: ItemKind) -> None:  # law 7
        written = store.create(kind, "", FULL[kind], Notify.NOBODY)
        before = the(store, kind, written.key)
        marked = store.mark(kind, written.key, written.version, "m/9")
        after = the(store, kind, marked.key)
        assert (after.mark, after.fields, after.version) == ("m/9", before.fields, marked.version)
        assert (store.find(kind, ["m/9"]), marked.version != written.version) == ({"m/9": marked.key}, True)
        with pytest.raises(Conflict):
            store.mark(kind, written.key, written.version, "m/10")
        store.delete(kind, written.key, Notify.NOBODY)
        with pytest.raises(ItemRejected):
            store.mark(kind, written.key, marked.version, "m/10")

    def test_a_series_that_is_marked_keeps_what_differs_from_it(self, store: ItemStore) -> None:
        key = store.create(CALENDAR, "", weekly("UTC"), Notify.NOBODY).key
        store.update_occurrence(key, datetime(2026, 3, 25, 9, tzinfo=UTC), {"location": "Room 7"}, Notify.NOBODY)
        before = the(store, CALENDAR, key)
        store.mark(CALENDAR, key, before.version, "m/9")
        after = the(store, CALENDAR, key)
        assert (after.mark, after.changed, after.removed) == ("m/9", before.changed, before.removed)
        assert after.changed

    @KINDS
    def test_what_is_gone_is_named_as_gone_and_can_be_deleted_twice(self, store: ItemStore, kind: ItemKind) -> None:
        key = store.create(kind, "m/1", FULL[kind], Notify.NOBODY).key
        other = store.create(kind, "m/2", FULL[kind], Notify.NOBODY).key
        store.delete(kind, key, Notify.NOBODY)
        store.delete(kind, key, Notify.NOBODY)
        gone, there = store.fetch(kind, [key, other])
        assert isinstance(gone, Missing)
        assert (gone.gone, there.key) == (True, other)
        with pytest.raises(ItemRejected):
            store.update(kind, key, "old", {"body": "x"}, Notify.NOBODY)

    # Meetings (10.2)

    def test_who_would_be_mailed_is_known_before(self, store: ItemStore) -> None:
        assert store.would_notify(None, APPOINTMENT, Notify.ALL) == {one.address for one in (BOB, CAROL, DAVE)}
        assert store.would_notify(None, APPOINTMENT, Notify.NOBODY) == frozenset()
        key = store.create(CALENDAR, "m/1", APPOINTMENT, Notify.NOBODY).key
        before = the(store, CALENDAR, key)
        assert store.would_notify(before, {"required": (BOB,)}, Notify.CHANGED) == {CAROL.address}
        assert store.would_notify(before, {}, Notify.ALL) == {one.address for one in (BOB, CAROL, DAVE)}

    @pytest.mark.parametrize("kind", [CALENDAR, TASKS])
    def test_a_reminder_is_written_and_never_read_back(self, store: ItemStore, kind: ItemKind) -> None:  # 10.2.1, 10.7
        reminder = 15 if kind is CALENDAR else datetime(2026, 3, 9, 8, tzinfo=UTC)
        written = store.create(kind, "m/1", {**FULL[kind], "reminder": reminder}, Notify.NOBODY)
        written = store.update(kind, written.key, written.version, {"reminder": None}, Notify.NOBODY)
        found = the(store, kind, written.key)
        assert "reminder" not in found.fields
        assert found.version == written.version
        assert {name: found.fields.get(name) for name in FULL[kind]} == FULL[kind]

    # Files (10.3.8)

    def test_files_come_back_with_their_content(self, store_with_files: ItemStore) -> None:
        store = store_with_files
        written = store.create(CALENDAR, "m/1", {**SIMPLE, "attachments": (PLAN, NOTES)}, Notify.NOBODY)
        assert contents(the(store, CALENDAR, written.key)) == {"notes.txt": b"Say hello.", "plan.txt": b"First, lunch."}
        assert the(store, CALENDAR, written.key).version == written.version

    def test_files_are_added_replaced_and_removed_later(self, store_with_files: ItemStore) -> None:
        store = store_with_files
        written = store.create(CALENDAR, "m/1", SIMPLE, Notify.NOBODY)
        before = the(store, CALENDAR, written.key)
        assert before.fields["attachments"] == ()
        both = {"attachments": (NOTES, PLAN)}
        written = store.update(CALENDAR, written.key, written.version, both, Notify.NOBODY)
        assert written.version != before.version
        newer = attached("plan.txt", b"First, coffee.")
        changes = {"subject": "Late", "attachments": (newer,)}
        written = store.update(CALENDAR, written.key, written.version, changes, Notify.NOBODY)
        found = the(store, CALENDAR, written.key)
        assert (contents(found), found.fields["subject"]) == ({"plan.txt": b"First, coffee."}, "Late")
        assert found.version == written.version
        store.update(CALENDAR, written.key, written.version, {"attachments": ()}, Notify.NOBODY)
        assert the(store, CALENDAR, written.key).fields["attachments"] == ()

    def test_files_are_written_on_the_version_that_was_read_only(self, store_with_files: ItemStore) -> None:
        store = store_with_files
        written = store.create(CALENDAR, "m/1", SIMPLE, Notify.NOBODY)
        store.update(CALENDAR, written.key, written.version, {"subject": "Late"}, Notify.NOBODY)
        with pytest.raises(Conflict):
            store.update(CALENDAR, written.key, written.version, {"attachments": (PLAN,)}, Notify.NOBODY)
        assert the(store, CALENDAR, written.key).fields["attachments"] == ()
        store.delete(CALENDAR, written.key, Notify.NOBODY)
        with pytest.raises(ItemRejected):
            store.update(CALENDAR, written.key, written.version, {"attachments": (PLAN,)}, Notify.NOBODY)

    def test_what_is_left_out_is_told_by_name_and_stays(self, store_with_files: ItemStore, with_files) -> None:  # 5.19
        large = attached("film.mp4", b"x" * 5000)
        written = with_files(lambda *_: True).create(
            CALENDAR, "m/1", {**SIMPLE, "attachments": (large, NOTES)}, Notify.NOBODY
        )
        store = store_with_files
        film, notes = the(store, CALENDAR, written.key).fields["attachments"]
        assert (film.name, film.is_left_out, notes.is_left_out) == ("film.mp4", True, False)
        written = store.update(CALENDAR, written.key, written.version, {"attachments": (film, PLAN)}, Notify.NOBODY)
        written = store.update(CALENDAR, written.key, written.version, {"attachments": ()}, Notify.NOBODY)
        [left] = the(with_files(lambda *_: True), CALENDAR, written.key).fields["attachments"]
        assert (left, left.content()) == (large, b"x" * 5000)

    def test_a_store_that_is_not_asked_for_files_leaves_them_alone(self, store: ItemStore, store_with_files) -> None:
        written = store_with_files.create(CALENDAR, "m/1", {**SIMPLE, "attachments": (PLAN,)}, Notify.NOBODY)
        assert "attachments" not in the(store, CALENDAR, written.key).fields
        [unasked] = store_with_files.fetch(CALENDAR, [written.key])
        assert "attachments" not in unasked.fields
        store.update(CALENDAR, written.key, written.version, {"subject": "x", "attachments": ()}, Notify.NOBODY)
        assert contents(the(store_with_files, CALENDAR, written.key)) == {"plan.txt": b"First, lunch."}

    def test_nobody_is_told_of_files(self, store_with_files: ItemStore) -> None:  # 10.2.2
        key = store_with_files.create(CALENDAR, "m/1", APPOINTMENT, Notify.NOBODY).key
        before = the(store_with_files, CALENDAR, key)
        assert store_with_files.would_notify(before, {"attachments": (PLAN,)}, Notify.NOBODY) == frozenset()

    def test_the_files_of_a_series_are_not_told(self, store_with_files: ItemStore) -> None:
        key = store_with_files.create(CALENDAR, "m/1", weekly(), Notify.NOBODY).key
        assert "attachments" not in the(store_with_files, CALENDAR, key).fields

    # Series (10.4)

    @pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.frequency.value)
    def test_each_pattern_comes_back_as_it_was_written(self, store: ItemStore, pattern: Recurrence) -> None:
        start = datetime.combine(pattern.first, time(9), UTC)
        times = {"start": start, "end": start + timedelta(hours=1), "is_all_day": False, "time_zone": "UTC"}
        key = store.create(CALENDAR, "m/1", {"subject": "Again", **times, "recurrence": pattern}, Notify.NOBODY).key
        assert the(store, CALENDAR, key).fields["recurrence"] == pattern

    def test_a_series_becomes_a_single_appointment_and_back(self, store: ItemStore) -> None:
        written = store.create(CALENDAR, "m/1", weekly(), Notify.NOBODY)
        written = store.update(CALENDAR, written.key, written.version, {"recurrence": None}, Notify.NOBODY)
        assert the(store, CALENDAR, written.key).fields.get("recurrence") is None
        store.update(CALENDAR, written.key, written.version, {"recurrence": weekly()["recurrence"]}, Notify.NOBODY)
        assert the(store, CALENDAR, written.key).fields["recurrence"] == weekly()["recurrence"]

    @pytest.mark.parametrize("zone", ZONES)
    def test_occurrences_are_moved_and_removed_across_a_change_of_the_clocks(self, store: ItemStore, zone: str) -> None:
        key = store.create(CALENDAR, "m/1", weekly(zone), Notify.NOBODY).key
        local = datetime(2026, 3, 23, 9, tzinfo=ZoneInfo(zone))
        third, fourth = ((local + timedelta(days=days)).astimezone(UTC) for days in (7, 9))
        moved = {"start": third + timedelta(hours=2), "end": third + timedelta(hours=3), "subject": "Later today"}
        before = the(store, CALENDAR, key)
        store.update_occurrence(key, third, moved, Notify.NOBODY)
        after = store.delete_occurrence(key, fourth, Notify.NOBODY)
        found = the(store, CALENDAR, key)
        [changed] = found.changed
        assert (changed.original_start, found.removed) == (third, (fourth,))
        assert {name: changed.fields.get(name) for name in moved} == moved
        assert found.fields["recurrence"] == before.fields["recurrence"]
        assert (after.key, after.version) == (key, found.version)
        assert found.version != before.version

    def test_an_occurrence_can_be_changed_twice(self, store: ItemStore) -> None:
        key = store.create(CALENDAR, "m/1", weekly("UTC"), Notify.NOBODY).key
        second = datetime(2026, 3, 25, 9, tzinfo=UTC)
        store.update_occurrence(key, second, {"subject": "One"}, Notify.NOBODY)
        store.update_occurrence(key, second, {"location": "Room 7"}, Notify.NOBODY)
        [changed] = the(store, CALENDAR, key).changed
        assert (changed.fields["subject"], changed.fields["location"]) == ("One", "Room 7")

    def test_a_series_is_one_item(self, store: ItemStore) -> None:
        key = store.create(CALENDAR, "m/1", weekly("UTC"), Notify.NOBODY).key
        cursor = caught_up(store, CALENDAR)[2].cursor
        store.update_occurrence(key, datetime(2026, 3, 25, 9, tzinfo=UTC), {"subject": "One"}, Notify.NOBODY)
        shown, gone, _ = caught_up(store, CALENDAR, cursor)
        assert (set(shown), gone) == ({key}, set())
