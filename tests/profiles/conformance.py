"""What every connector promises, whatever the server: the rules that each connector's own test module inherits.

A test module gives a fixture `stage` (see `stages.py`). `MailSourceRules` need an ordinary server; `MailSourceTroubles`
one that can be spoiled; the same for outboxes.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from profiles.connectors.base import AuthenticationFailed, ConnectorError, Throttled, Transient
from profiles.items import INBOX, Arrival, Missing, Page, Sought
from tests.letters import letter
from tests.profiles.outbox_rules import OutboxRules, OutboxTroubles
from tests.profiles.samples import (
    BOB,
    CAROL,
    DOTS,
    ODD_MESSAGES,
    assert_keeps_secrets,
    everything,
    note,
    nothing,
    only_page,
    to,
    with_crlf,
)
from tests.profiles.stages import ALICE, HASTY, PASSWORD, FilingStage, SourceStage

__all__ = [
    "BOB",
    "CAROL",
    "DOTS",
    "ODD_MESSAGES",
    "FilingRules",
    "MailSourceRules",
    "MailSourceTroubles",
    "OutboxRules",
    "OutboxTroubles",
    "note",
    "nothing",
    "only_page",
    "to",
]


class MailSourceRules:
    """A mail source over an ordinary server."""

    def test_everything_shown_is_fetched_oldest_first(self, stage: SourceStage) -> None:
        for number in range(5):
            stage.deliver(note(number))
        source = stage.source()
        page = only_page(source)
        arrivals = list(source.fetch([item.key for item in page.shown], raw=True))
        source.close()
        assert [f"Note {n}".encode() in (a.raw or b"") for n, a in enumerate(arrivals)] == [True] * 5
        assert [arrival.key for arrival in arrivals] == [item.key for item in page.shown]

    def test_keys_are_unique_and_stay_the_same(self, stage: SourceStage) -> None:
        for number in range(3):
            stage.deliver(note(number))
        keys = [[item.key for item in only_page(stage.source()).shown] for _ in range(2)]
        assert keys[0] == keys[1]
        assert len(set(keys[0])) == 3

    def test_an_idle_poll_is_one_empty_page_with_the_same_cursor(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        source = stage.source()
        cursor = only_page(source).cursor
        assert only_page(source, cursor) == Page(shown=(), gone=(), cursor=cursor)

    def test_an_idle_poll_of_an_empty_mailbox_is_idle_too(self, stage: SourceStage) -> None:
        source = stage.source()
        first = only_page(source)
        assert first.shown == ()
        assert only_page(source, first.cursor) == Page(shown=(), gone=(), cursor=first.cursor)

    def test_new_mail_is_shown_after_the_cursor(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        source = stage.source()
        before = only_page(source)
        stage.deliver(note(2))
        after = only_page(source, before.cursor)
        [new] = {item.key for item in after.shown} - {item.key for item in before.shown}
        [arrival] = source.fetch([new], raw=True)
        assert isinstance(arrival, Arrival)
        assert b"Note 2" in arrival.headers
        assert after.cursor != before.cursor

    def test_what_went_is_told_or_missing_from_a_complete_page(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        stage.deliver(note(2))
        source = stage.source()
        before = only_page(source)
        stage.remove(0)
        after = only_page(source, before.cursor)
        went = before.shown[0].key
        assert went in after.gone or (after.complete and went not in {item.key for item in after.shown})

    def test_a_listing_shows_what_is_there_now(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        source = stage.source()
        first = [item.key for item in source.listing(INBOX)]
        stage.deliver(note(2))
        second = [item.key for item in source.listing(INBOX)]
        assert second[:1] == first
        assert len(second) == 2

    def test_fetching_keeps_the_order_that_was_asked_for(self, stage: SourceStage) -> None:
        for number in range(4):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown][::-1]
        assert [arrival.key for arrival in source.fetch(keys, raw=True)] == keys

    def test_an_item_that_went_is_missing_and_the_others_come(self, stage: SourceStage) -> None:
        for number in range(3):
            stage.deliver(note(number))
        keys = [item.key for item in only_page(stage.source()).shown]
        stage.remove(1)
        results = list(stage.source().fetch(keys, raw=True))
        assert [type(result) for result in results] == [Arrival, Missing, Arrival]
        assert results[1] == Missing(keys[1], gone=True)

    def test_the_header_block_ends_before_the_empty_line(self, stage: SourceStage) -> None:
        stage.deliver(note(7))
        source = stage.source()
        [shown] = only_page(source).shown
        [arrival] = source.fetch([shown.key], raw=False)
        assert isinstance(arrival, Arrival)
        assert b"\r\nSubject: Note 7\r\n" in b"\r\n" + arrival.headers
        assert b"This is note" not in arrival.headers
        assert arrival.headers.endswith(b"\r\n")
        assert not arrival.headers.endswith(b"\r\n\r\n")

    @pytest.mark.parametrize("raw", ODD_MESSAGES.values(), ids=ODD_MESSAGES.keys())
    def test_odd_messages_come_byte_for_byte(self, stage: SourceStage, raw: bytes) -> None:
        if not stage.exact:
            pytest.skip("this server renders messages anew")
        stage.deliver(note(1))
        stage.deliver(raw)
        stage.deliver(note(3))
        fetched = everything(stage.source())
        assert [with_crlf(one) for one in fetched] == [with_crlf(one) for one in (note(1), raw, note(3))]

    def test_a_message_of_20_megabytes_comes_whole(self, stage: SourceStage) -> None:
        big = DOTS + b"".join(b".%06d %s\r\n" % (n, b"y" * 990) for n in range(20_000))
        stage.deliver(big)
        [fetched] = everything(stage.source())
        assert len(fetched) == len(big)
        assert fetched == big or not stage.exact

    def test_reading_changes_nothing_on_the_server(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        stage.deliver(note(2))
        before = stage.snapshot()
        source = stage.source()
        assert len(everything(source)) == 2
        source.close()
        assert stage.snapshot() == before

    def test_leaving_in_the_middle_of_a_fetch_changes_nothing(self, stage: SourceStage) -> None:
        for number in range(5):
            stage.deliver(note(number))
        before = stage.snapshot()
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        assert isinstance(next(source.fetch(keys, raw=True)), Arrival)
        source.close()
        assert stage.snapshot() == before

    def test_an_abandoned_fetch_does_not_spoil_the_next(self, stage: SourceStage) -> None:
        for number in range(5):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        next(source.fetch(keys, raw=True))
        [third] = source.fetch(keys[2:3], raw=True)
        assert isinstance(third, Arrival)
        assert b"This is note 2." in (third.raw or b"")

    def test_deleting_deletes_what_was_named_and_no_more(self, stage: SourceStage) -> None:
        for number in range(3):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        source.delete([keys[0], keys[2]])
        assert [item.key for item in source.listing(INBOX)] == [keys[1]]

    def test_deleting_after_reading_leaves_the_others_as_they_were(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        before = stage.snapshot()
        stage.deliver(note(2))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        assert [arrival.key for arrival in source.fetch(keys, raw=True)] == keys
        source.delete(keys[1:])
        source.close()
        assert self.without_journal(stage.snapshot()) == self.without_journal(before)

    @staticmethod
    def without_journal(snapshot: object) -> object:
        """The snapshot without what a deletion of another message may change."""
        return re.sub(r"journal=\[.*?\]", "", snapshot) if isinstance(snapshot, str) else snapshot

    def test_deleting_what_is_gone_succeeds(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        source.delete(keys)
        source.delete(keys)
        assert list(source.listing(INBOX)) == []

    def test_a_wrong_password_is_tried_once(self, stage: SourceStage) -> None:
        source = stage.source(password="wrong")
        for _ in range(3):
            with pytest.raises(AuthenticationFailed) as refusal:
                only_page(source)
        assert refusal.value.remedy
        assert stage.logins() == 1

    def test_a_message_is_found_by_its_id_and_by_its_sender(self, stage: SourceStage) -> None:
        for number in range(3):
            stage.deliver(note(number))
        stage.deliver(letter("dora@them.test", ALICE, "Other", "x", message_id="<d@them.test>"))
        source = stage.source()
        for sought in (
            Sought(message_id="<d@them.test>"),
            Sought(message_id="d@them.test"),
            Sought(sender="DORA@them.test"),
        ):
            assert [found.message_id for found in source.search(sought).found] == ["<d@them.test>"]
        assert source.search(Sought(message_id="<none@them.test>")).found == ()
        assert [found.kind for found in source.search(Sought(message_id="d@them.test")).found] == [INBOX]
        assert len(everything(source)) == 4
        source.close()

    def test_a_source_works_again_after_it_was_closed(self, stage: SourceStage) -> None:
        stage.deliver(note(1))
        source = stage.source()
        source.close()
        assert len(everything(source)) == 1
        source.close()
        source.close()
        assert len(everything(source)) == 1

    def test_nobody_there_is_transient_and_closing_never_raises(self, stage: SourceStage) -> None:
        source = stage.elsewhere()
        with pytest.raises(Transient):
            only_page(source)
        source.close()


class FilingRules:
    """A mail source over a server that knows categories and folders."""

    def test_categories_are_told_of_what_is_new_and_of_what_has_changed(self, stage: FilingStage) -> None:
        stage.deliver(note(1))
        source = stage.source()
        first = only_page(source)
        assert [(item.categories, item.changed) for item in first.shown] == [((), False)]
        stage.tag(0, "Family", "Tracked to CRM")
        [shown] = only_page(source, first.cursor).shown
        assert shown.key == first.shown[0].key
        assert (set(shown.categories or ()), shown.changed) == ({"Family", "Tracked to CRM"}, True)
        assert [item.categories for item in source.listing(INBOX)] == [shown.categories]

    def test_a_category_that_was_taken_away_is_told(self, stage: FilingStage) -> None:
        stage.deliver(note(1))
        stage.tag(0, "Tracked to CRM")
        source = stage.source()
        first = only_page(source)
        stage.tag(0)
        [shown] = only_page(source, first.cursor).shown
        assert (shown.categories, shown.bears("Tracked to CRM")) == ((), False)

    def test_a_category_is_taken_away_and_the_others_stay(self, stage: FilingStage) -> None:
        for number in range(3):
            stage.deliver(note(number))
        stage.tag(0, "Family", "Tracked")
        stage.tag(1, "Tracked")
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        changed = source.uncategorize([*keys, keys[0][:-2] + "zz"], "Tracked")
        shown = {item.key: item for item in source.listing(INBOX)}
        assert [shown[key].categories for key in keys] == [("Family",), (), ()]
        assert changed == {key: shown[key].change_key for key in keys}
        assert source.uncategorize(keys, "Tracked") == changed

    def test_one_category_takes_the_place_of_another(self, stage: FilingStage) -> None:
        stage.deliver(note(1))
        stage.deliver(note(2))
        stage.tag(0, "Family", "Undeliverable")
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        assert set(source.categorize(keys, "Tracked", instead_of="Undeliverable")) == set(keys)
        shown = {item.key: item for item in source.listing(INBOX)}
        assert [shown[key].categories for key in keys] == [("Family", "Tracked"), ("Tracked",)]

    def test_mail_is_moved_into_a_folder_that_is_created_once(self, stage: FilingStage) -> None:
        for number in range(3):
            stage.deliver(note(number))
        source = stage.source()
        page = only_page(source)
        keys = [item.key for item in page.shown]
        first = source.move(keys[:1], "Undeliverable")
        second = source.move(keys[1:2], "Undeliverable")
        assert stage.held("Undeliverable") == [first[keys[0]], second[keys[1]]]
        assert [item.key for item in source.listing(INBOX)] == keys[2:]
        assert set(only_page(source, page.cursor).gone) == set(keys[:2])
        [arrival] = source.fetch([first[keys[0]]], raw=True)
        assert isinstance(arrival, Arrival)
        assert b"This is note 0." in (arrival.raw or b"")

    def test_moving_what_is_gone_moves_nothing(self, stage: FilingStage) -> None:
        stage.deliver(note(1))
        stage.deliver(note(2))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        assert set(source.move(keys[:1], "Undeliverable")) == set(keys[:1])
        assert set(source.move(keys, "Undeliverable")) == {keys[1]}
        assert len(stage.held("Undeliverable")) == 2


class MailSourceTroubles:
    """A mail source over a server in trouble."""

    def test_one_bad_item_among_many_costs_only_itself(self, stage: SourceStage) -> None:
        for number in range(5):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        stage.refuse_item(2, "This message is damaged")
        results = list(source.fetch(keys, raw=True))
        assert [type(result) for result in results] == [Arrival, Arrival, Missing, Arrival, Arrival]
        assert results[2] == Missing(keys[2], gone=False, error="This message is damaged")

    def test_a_line_that_breaks_is_transient_and_a_later_run_gets_everything(self, stage: SourceStage) -> None:
        for number in range(5):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        stage.break_item(3)
        results = source.fetch(keys, raw=True)
        assert [next(results).key for _ in range(3)] == keys[:3]
        with pytest.raises(Transient):
            next(results)
        assert [arrival.key for arrival in source.fetch(keys, raw=True)] == keys

    def test_a_server_that_hangs_is_transient(self, stage: SourceStage) -> None:
        source = stage.source(timeout=HASTY)
        stage.hang()
        with pytest.raises(Transient):
            only_page(source)
        assert only_page(source).shown == ()

    def test_a_server_that_asks_to_wait_is_obeyed(self, stage: SourceStage) -> None:
        stage.throttle(timedelta(seconds=30))
        with pytest.raises(Throttled) as request:
            only_page(stage.source())
        assert request.value.delay == timedelta(seconds=30)

    def test_no_error_tells_the_password(self, stage: SourceStage) -> None:
        stage.echo_password()
        failures = []
        for source in (stage.source(), stage.elsewhere(), stage.source(password=PASSWORD + "!")):
            try:
                only_page(source)
            except ConnectorError as error:
                failures.append(error)
        assert len(failures) >= 2
        for error in failures:
            assert_keeps_secrets(error)
