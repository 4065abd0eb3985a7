"""The server in this process keeps what every connector promises."""

from __future__ import annotations

import pytest

from profiles.connectors.base import ResyncRequired
from profiles.items import INBOX, Trace
from tests.profiles.conformance import FilingRules, MailSourceRules, MailSourceTroubles, OutboxRules, OutboxTroubles
from tests.profiles.folder_rules import FolderRules
from tests.profiles.samples import BOB, note, nothing, only_page, to
from tests.profiles.stages import MemoryOutboxStage, MemoryStage


@pytest.fixture
def memory() -> MemoryStage:
    return MemoryStage()


class TestMemorySource(MailSourceRules, FilingRules, FolderRules, MailSourceTroubles):
    @pytest.fixture
    def stage(self) -> MemoryStage:
        return MemoryStage()


class TestMemoryOutbox(OutboxRules, OutboxTroubles):
    @pytest.fixture
    def stage(self) -> MemoryOutboxStage:
        return MemoryOutboxStage()


def test_many_changes_come_on_several_pages(memory: MemoryStage) -> None:
    for number in range(250):
        memory.deliver(note(number))
    pages = list(memory.source().changes(INBOX, ""))
    assert [page.more for page in pages] == [True, True, False]
    assert len({item.key for page in pages for item in page.shown}) == 250


def test_a_page_can_be_kept_before_the_next_is_asked_for(memory: MemoryStage) -> None:
    for number in range(150):
        memory.deliver(note(number))
    first = next(memory.source().changes(INBOX, ""))
    [second] = memory.source().changes(INBOX, first.cursor)
    assert len(first.shown) + len(second.shown) == 150


def test_a_lost_cursor_asks_for_everything_again(memory: MemoryStage) -> None:
    cursor = only_page(memory.source()).cursor
    memory.mailbox.lose_sync_state()
    with pytest.raises(ResyncRequired):
        only_page(memory.source(), cursor)


def test_a_category_changes_the_change_key_once(memory: MemoryStage) -> None:
    memory.deliver(note(1))
    source = memory.source()
    [shown] = only_page(source).shown
    changed = source.categorize([shown.key, "gone"], "Tracked")
    assert list(changed) == [shown.key]
    assert changed[shown.key] != shown.change_key
    assert source.categorize([shown.key], "Tracked") == changed


def test_a_letter_is_found_after_its_answer_was_lost(memory: MemoryStage) -> None:
    outbox = memory.outbox()
    assert outbox.trace(to(BOB)) is Trace.NOT_THERE
    outbox.send(to(BOB), nothing)
    assert outbox.trace(to(BOB)) is Trace.SENT
