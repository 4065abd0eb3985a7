"""What every store of appointments promises about calendars below the main one (10.1 d)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from profiles.act_items import Item, ItemKind, Notify
from profiles.connectors.base import ResyncRequired
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from tests.profiles.act_samples import SIMPLE
from tests.profiles.item_store_rules import caught_up, the, weekly

CALENDAR = ItemKind.APPOINTMENT


class Subcalendar(Protocol):
    """A calendar below Alice's own, and her hand."""

    def move(self, key: str, *, below: bool) -> str:
        """Move an item into it, or back; returns the new key."""
        ...

    def drop(self) -> None:
        """Throw it away with all that is in it."""
        ...


def caught_up_or_anew(store: ItemStore, cursor: str) -> tuple[set[str], set[str]]:
    """What is shown and what is gone since a cursor, or all that is there where everything has to be listed again."""
    try:
        shown, gone, _ = caught_up(store, CALENDAR, cursor)
    except ResyncRequired:
        shown, gone, page = caught_up(store, CALENDAR)
        assert page.complete
    return set(shown), gone


class SubcalendarRules:
    """A class of tests gives `store` and `subcalendar`."""

    def test_what_lies_in_a_calendar_below_is_shown_read_changed_and_deleted(
        self, store: ItemStore, subcalendar: Subcalendar
    ) -> None:
        kept = store.create(CALENDAR, "m/1", SIMPLE, Notify.NOBODY).key
        key = subcalendar.move(store.create(CALENDAR, "m/2", SIMPLE, Notify.NOBODY).key, below=True)
        shown, gone, page = caught_up(store, CALENDAR)
        assert (set(shown), gone, page.complete) == ({kept, key}, set(), True)
        assert [the(store, CALENDAR, one).is_in_subfolder for one in (kept, key)] == [False, True]
        written = store.update(CALENDAR, key, shown[key], {"location": "Room 7"}, Notify.NOBODY)
        shown, gone, page = caught_up(store, CALENDAR, page.cursor)
        assert (shown, gone) == ({key: written.version}, set())
        assert the(store, CALENDAR, key).fields["location"] == "Room 7"
        store.delete(CALENDAR, key, Notify.NOBODY)
        shown, gone, page = caught_up(store, CALENDAR, page.cursor)
        assert (shown, gone) == ({}, {key})

    def test_what_is_moved_between_calendars_keeps_its_mark_and_its_meeting(
        self, store: ItemStore, subcalendar: Subcalendar
    ) -> None:
        key = store.create(CALENDAR, "m/1", SIMPLE, Notify.NOBODY).key
        before, cursor = the(store, CALENDAR, key), caught_up(store, CALENDAR)[2].cursor
        for below in (True, False):
            new = subcalendar.move(key, below=below)
            shown, gone, page = caught_up(store, CALENDAR, cursor)
            assert (set(shown), gone) == ({new}, {key})
            found = the(store, CALENDAR, new)
            assert (found.mark, found.uid, found.is_in_subfolder) == ("m/1", before.uid, below)
            assert store.find(CALENDAR, ["m/1"]) == {"m/1": new}
            assert store.find_by_uid([before.uid]) == {before.uid: new}
            key, cursor = new, page.cursor

    def test_an_occurrence_is_changed_in_a_calendar_below(self, store: ItemStore, subcalendar: Subcalendar) -> None:
        key = subcalendar.move(store.create(CALENDAR, "m/1", weekly("UTC"), Notify.NOBODY).key, below=True)
        second, third = datetime(2026, 3, 25, 9, tzinfo=UTC), datetime(2026, 3, 30, 9, tzinfo=UTC)
        store.update_occurrence(key, second, {"subject": "One"}, Notify.NOBODY)
        store.delete_occurrence(key, third, Notify.NOBODY)
        found = the(store, CALENDAR, key)
        assert ([one.original_start for one in found.changed], found.removed) == ([second], (third,))

    def test_when_a_calendar_is_gone_what_was_in_it_is_gone(self, store: ItemStore, subcalendar: Subcalendar) -> None:
        keys = [store.create(CALENDAR, f"m/{number}", SIMPLE, Notify.NOBODY).key for number in range(3)]
        lost, saved = (subcalendar.move(key, below=True) for key in keys[:2])
        cursor = caught_up(store, CALENDAR)[2].cursor
        saved = subcalendar.move(saved, below=False)
        subcalendar.drop()
        shown, gone = caught_up_or_anew(store, cursor)
        assert saved in shown
        assert lost in gone or lost not in shown
        [again] = store.fetch(CALENDAR, [lost])
        assert isinstance(again, Missing)
        assert again.gone
        assert isinstance(the(store, CALENDAR, keys[2]), Item)
