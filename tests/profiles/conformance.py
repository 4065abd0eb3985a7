"""What every connector promises, whatever the server: the rules that each connector's own test module inherits.

A test module gives a fixture `stage` (see `stages.py`). `MailSourceRules` need an ordinary server; `MailSourceTroubles`
one that can be spoiled; the same for outboxes.
"""

from __future__ import annotations

import re
import traceback
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta

import pytest

from profiles.connectors.base import (
    AuthenticationFailed,
    ConnectorError,
    ItemRejected,
    MailSource,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from profiles.items import INBOX, Arrival, Letter, Missing, Page, Trace
from tests.letters import letter
from tests.profiles.stages import ALICE, HASTY, PASSWORD, OutboxStage, SourceStage

BOB = "bob@us.test"
CAROL = "carol@out.test"
DOTS = b"Subject: dots\r\nMessage-ID: <dots@out.test>\r\n\r\n"
ODD_MESSAGES = {
    "lines that begin with dots": DOTS + b".\r\n..\r\n...\r\n.hidden\r\n\r\n.\r\n\r\n",
    "a dot first of all": b".Subject: x\r\n\r\nbody\r\n",
    "no line end at the end": DOTS + b"the end",
    "line feeds only": DOTS.replace(b"\r\n", b"\n") + b".one\n.\ntwo\n",
    "a line of 200 000 bytes": DOTS + b"x" * 200_000 + b"\r\n",
    "bytes of every value": DOTS + bytes(set(range(256)) - {10, 13}) + b"\r\n",
    "header only": b"Subject: empty\r\nMessage-ID: <empty@out.test>\r\n\r\n",
    "neither header nor end": b"just text",
}
"""The last two are what a spoilt mail store may hold."""


def note(number: int) -> bytes:
    """Carol's note with this number."""
    return letter(CAROL, ALICE, f"Note {number}", f"This is note {number}.")


def with_crlf(raw: bytes) -> bytes:
    """What a server may make of line ends, and all that it may: CRLF, one at the end."""
    lines = re.sub(rb"\r?\n", b"\r\n", raw)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def only_page(source: MailSource, cursor: str = "") -> Page:
    """The one page of changes that a small mailbox has."""
    [page] = source.changes(INBOX, cursor)
    return page


def everything(source: MailSource) -> list[bytes]:
    """All messages that a full listing shows, as they are fetched."""
    keys = [item.key for item in only_page(source).shown]
    return [one.raw or b"" for one in source.fetch(keys, raw=True) if isinstance(one, Arrival)]


def texts_of(error: BaseException) -> str:
    """Everything an error could put into a log or on a page."""
    said = f"{error.words} {error.remedy}" if isinstance(error, ConnectorError) else ""
    return f"{error!r} {error} {said} {''.join(traceback.format_exception(error))}"


def assert_keeps_secrets(error: BaseException) -> None:
    """Law 10."""
    text = texts_of(error)
    for secret in (PASSWORD, PASSWORD[:10], b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()):
        assert secret not in text


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


def to(*recipients: str, raw: bytes = b"", sender: str = ALICE, number: int = 1) -> Letter:
    """Alice's letter to somebody."""
    raw = raw or letter(sender, recipients, f"Letter {number}", "Hello!", message_id=f"<{number}@us.test>")
    return Letter(f"instance/{number}", f"<{number}@us.test>", sender, recipients, raw)


def nothing() -> None:
    """Handing over needs no preparation here."""


class OutboxRules:
    """An outbox over an ordinary server."""

    def test_a_letter_arrives_at_every_recipient(self, stage: OutboxStage) -> None:
        sent = to(BOB, CAROL)
        outbox = stage.outbox()
        assert outbox.send(sent, nothing).refused == ()
        outbox.close()
        for address in (BOB, CAROL):
            [arrived] = stage.arrived(address)
            assert arrived.endswith(sent.raw)

    @pytest.mark.parametrize("raw", ODD_MESSAGES.values(), ids=ODD_MESSAGES.keys())
    def test_odd_letters_arrive_byte_for_byte(self, stage: OutboxStage, raw: bytes) -> None:
        stage.outbox().send(to(BOB, raw=raw), nothing)
        [arrived] = stage.arrived(BOB)
        assert with_crlf(arrived).endswith(with_crlf(raw))

    def test_handing_over_is_called_once_before_anything_leaves(self, stage: OutboxStage) -> None:
        there: list[list[bytes]] = []
        stage.outbox().send(to(BOB), lambda: there.append(stage.arrived(BOB)))
        assert there == [[]]
        assert len(stage.arrived(BOB)) == 1

    def test_a_caller_who_changes_his_mind_sends_nothing(self, stage: OutboxStage) -> None:
        def lost_lease() -> None:
            raise LookupError("the lease moved")

        outbox = stage.outbox()
        with pytest.raises(LookupError):
            outbox.send(to(BOB), lost_lease)
        outbox.send(to(BOB, number=2), nothing)
        outbox.close()
        [arrived] = stage.arrived(BOB)
        assert b"Letter 2" in arrived

    def test_a_refused_recipient_is_named_and_the_others_get_it(self, stage: OutboxStage) -> None:
        receipt = stage.outbox().send(to(BOB, "permerror@out.test", "temperror@out.test", CAROL), nothing)
        assert [(one.address, one.permanent) for one in receipt.refused] == [
            ("permerror@out.test", True),
            ("temperror@out.test", False),
        ]
        assert all(one.words and one.code for one in receipt.refused)
        assert len(stage.arrived(BOB)) == len(stage.arrived(CAROL)) == 1

    def test_a_letter_that_nobody_may_get_is_rejected(self, stage: OutboxStage) -> None:
        asked: list[Callable[[], None]] = []
        with pytest.raises(ItemRejected) as refusal:
            stage.outbox().send(to("permerror@out.test"), lambda: asked.append(nothing))
        assert "permerror@out.test" in refusal.value.words
        assert asked == []

    def test_a_letter_that_nobody_may_get_now_may_go_later(self, stage: OutboxStage) -> None:
        with pytest.raises((Transient, Throttled)) as refusal:
            stage.outbox().send(to("temperror@out.test", "permerror@out.test"), nothing)
        assert not isinstance(refusal.value, OutcomeUnknown)

    def test_after_a_rejected_letter_the_next_goes(self, stage: OutboxStage) -> None:
        outbox = stage.outbox()
        with pytest.raises(ItemRejected):
            outbox.send(to("permerror@out.test"), nothing)
        outbox.send(to(BOB), nothing)
        assert len(stage.arrived(BOB)) == 1

    def test_an_address_cannot_smuggle_in_a_command(self, stage: OutboxStage) -> None:
        with pytest.raises(ItemRejected):
            stage.outbox().send(to(BOB, f"x@out.test>\r\nRCPT TO:<{CAROL}", raw=note(1)), nothing)
        assert stage.arrived(CAROL) == stage.arrived(BOB) == []

    def test_a_letter_of_20_megabytes_arrives(self, stage: OutboxStage) -> None:
        big = DOTS + b"".join(b".%06d %s\r\n" % (n, b"y" * 990) for n in range(20_000))
        stage.outbox().send(to(BOB, raw=big), nothing)
        [arrived] = stage.arrived(BOB)
        assert arrived.endswith(big)

    def test_a_letter_that_was_not_sent_is_not_traced_as_sent(self, stage: OutboxStage) -> None:
        assert stage.outbox().trace(to(BOB)) in (Trace.NOT_THERE, Trace.CANNOT_TELL)

    def test_a_wrong_password_is_tried_once(self, stage: OutboxStage) -> None:
        outbox = stage.outbox(password="wrong")
        for _ in range(3):
            with pytest.raises(AuthenticationFailed) as refusal:
                outbox.send(to(BOB), nothing)
        assert refusal.value.remedy
        assert stage.logins() == 1
        assert stage.arrived(BOB) == []

    def test_an_outbox_works_again_after_it_was_closed(self, stage: OutboxStage) -> None:
        outbox = stage.outbox()
        outbox.close()
        outbox.send(to(BOB), nothing)
        outbox.close()
        outbox.close()
        outbox.send(to(BOB, number=2), nothing)
        assert len(stage.arrived(BOB)) == 2

    def test_nobody_there_is_transient_and_closing_never_raises(self, stage: OutboxStage) -> None:
        outbox = stage.elsewhere()
        with pytest.raises(Transient) as failure:
            outbox.send(to(BOB), nothing)
        assert not isinstance(failure.value, OutcomeUnknown)
        outbox.close()


class OutboxTroubles:
    """An outbox over a server in trouble."""

    def test_a_lost_answer_means_that_nobody_knows(self, stage: OutboxStage) -> None:
        stage.lose_answer()
        with pytest.raises(OutcomeUnknown):
            stage.outbox().send(to(BOB), nothing)
        assert len(stage.arrived(BOB)) == 1

    def test_a_server_that_hangs_is_transient_and_nothing_left(self, stage: OutboxStage) -> None:
        outbox = stage.outbox(timeout=HASTY)
        stage.hang()
        with pytest.raises(Transient) as failure:
            outbox.send(to(BOB), nothing)
        assert not isinstance(failure.value, OutcomeUnknown)
        outbox.send(to(BOB, number=2), nothing)
        assert len(stage.arrived(BOB)) == 1

    def test_a_server_that_asks_to_wait_is_obeyed(self, stage: OutboxStage) -> None:
        stage.throttle(timedelta(seconds=30))
        with pytest.raises(Throttled) as request:
            stage.outbox().send(to(BOB), nothing)
        assert request.value.delay == timedelta(seconds=30)

    def test_no_error_tells_the_password(self, stage: OutboxStage) -> None:
        stage.echo_password()
        failures = []
        for outbox in (stage.outbox(), stage.elsewhere(), stage.outbox(password=PASSWORD + "!")):
            try:
                outbox.send(to(BOB), nothing)
            except ConnectorError as error:
                failures.append(error)
        assert len(failures) >= 2
        for error in failures:
            assert_keeps_secrets(error)
