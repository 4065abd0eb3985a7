"""Alice's and Bob's mail in Exchange, read over EWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from profiles.connectors import mime
from profiles.connectors.base import (
    ItemRejected,
    Transient,
)
from profiles.connectors.ews.mail import EwsSource
from profiles.items import Arrival, Missing
from tests.letters import letter
from tests.profiles.exchange import ALICE, BOB, CAROL, access, errors, keys, requests, set_up
from tests.world import SandboxProcess


@pytest.fixture
def exchange(sandbox: SandboxProcess) -> SandboxProcess:
    return set_up(sandbox)


@pytest.fixture
def alice(exchange: SandboxProcess) -> Iterator[EwsSource]:
    source = EwsSource(access(exchange.ews_url))
    yield source
    source.close()


def mail(subject: str, body: str = "Hello", **more: object) -> bytes:
    return letter(CAROL, ALICE, subject, body, **more)  # type: ignore[arg-type]


def deliver(exchange: SandboxProcess, count: int, to: str = ALICE) -> list[str]:
    return [exchange.deliver(to, mail(f"Letter {number}"))[0] for number in range(count)]


# What is there


def test_alice_sees_what_arrived_and_then_nothing_new(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 3)
    [first] = list(alice.changes("inbox", ""))
    assert sorted(keys([first])) == sorted(sent)
    assert all(shown.size > 100 and shown.received_on and shown.change_key for shown in first.shown)
    [idle] = list(alice.changes("inbox", first.cursor))
    assert (idle.shown, idle.gone, idle.more, idle.complete) == ((), (), False, False)


def test_an_idle_poll_is_exactly_one_request(exchange: SandboxProcess, alice: EwsSource) -> None:
    deliver(exchange, 2)
    cursor = list(alice.changes("inbox", ""))[-1].cursor
    exchange.clear_log()
    source = EwsSource(access(exchange.ews_url))
    assert len(list(source.changes("inbox", cursor))) == 1
    assert requests(exchange) == {"SyncFolderItems": 1}


def test_each_page_has_a_cursor_from_which_another_source_goes_on(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 300)
    pages = alice.changes("inbox", "")
    first = next(pages)
    assert first.more
    assert 0 < len(first.shown) < 300
    rest = list(EwsSource(access(exchange.ews_url)).changes("inbox", first.cursor))
    assert sorted(keys([first, *rest])) == sorted(sent)
    assert not rest[-1].more


def test_a_message_alice_moves_is_gone_here_and_shown_there(exchange: SandboxProcess, alice: EwsSource) -> None:
    [moved, read] = deliver(exchange, 2)
    folder = exchange.folder(ALICE, "Customers")
    inbox = list(alice.changes("inbox", ""))[-1].cursor
    new_key = exchange.move(ALICE, moved, folder)
    exchange.update(ALICE, read, is_read=True)
    [page] = list(alice.changes("inbox", inbox))
    assert (page.shown, page.gone) == ((), (moved,))
    assert keys(list(alice.changes(folder, ""))) == [new_key]


def test_a_listing_holds_each_item_once(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 270)
    assert sorted(shown.key for shown in alice.listing("inbox")) == sorted(sent)


def test_reading_leaves_the_mail_unread_and_unchanged(exchange: SandboxProcess, alice: EwsSource) -> None:
    deliver(exchange, 2)
    before = exchange.items(ALICE)
    found = keys(list(alice.changes("inbox", "")))
    assert len([*alice.fetch(found, raw=False), *alice.fetch(found, raw=True)]) == 4
    assert exchange.items(ALICE) == before


# Fetching

ODD_LETTERS = {
    "plain": mail("Offer"),
    "words of several character sets": mail("Ünïcode 漢字 " * 10, in_reply_to="<a@b>", references=["<a@b>", "<c@d>"]),
    "an automatic answer": mail(
        "Away",
        extra_headers=[
            ("Auto-Submitted", "auto-replied"),
            ("Return-Path", "<>"),
            ("Delivered-To", BOB),
            ("Thread-Index", "AdGhZ1c="),
        ],
    ),
    "folded": mail("x " * 90, cc=[f"person{number}@them.test" for number in range(40)]),
    "without a date": mail("No date").replace(b"Date: ", b"X-Date: "),
    "without an id": mail("No id").replace(b"Message-ID: ", b"X-Id: "),
    "raw bytes": mail("8 bits").replace(b"8 bits", "é ü".encode()),
    "an html body": mail("Both", html="<p>Hello</p>", attachments=[("a.pdf", "application/pdf", b"%PDF" * 50)]),
    "only line feeds": mail("Unix").replace(b"\r\n", b"\n"),
    "no subject": mail("").replace(b"Subject: \r\n", b""),
    "two recipients headers": b"To: a@us.test\r\n" + mail("Twice"),
    "a colon and a tab": mail("Re:\tFw: tab"),
}


@pytest.mark.parametrize("raw", ODD_LETTERS.values(), ids=ODD_LETTERS)
def test_headers_say_the_same_as_the_whole_message(exchange: SandboxProcess, alice: EwsSource, raw: bytes) -> None:
    found = exchange.deliver(ALICE, raw)
    [headers] = alice.fetch(found, raw=False)
    [whole] = alice.fetch(found, raw=True)
    assert isinstance(headers, Arrival)
    assert isinstance(whole, Arrival)
    assert whole.raw == raw
    assert mime.envelope(headers.headers) == mime.envelope(whole.headers) == mime.envelope(raw)
    assert headers.raw is None


def test_a_message_that_was_never_transported_is_known_by_its_properties(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    raw = letter(ALICE, CAROL, "Über morgen", "Hi", cc=[BOB], in_reply_to="<a@b>")
    [draft] = exchange.deliver(ALICE, raw, folder="drafts")
    [found] = alice.fetch([draft], raw=False)
    assert isinstance(found, Arrival)
    told, true = mime.envelope(found.headers), mime.envelope(raw)
    assert (told.message_id, told.subject, told.in_reply_to) == (true.message_id, true.subject, true.in_reply_to)
    assert [a.address for a in (*told.to, *told.cc)] == [CAROL, BOB]
    assert told.sender
    assert told.sender.address == ALICE


def test_results_come_in_the_order_asked_for_and_what_is_gone_is_said(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    sent = deliver(exchange, 5)
    exchange.delete(ALICE, sent[2])
    wanted = [sent[4], sent[2], sent[0], sent[4]]
    for raw in (False, True):
        found = list(alice.fetch(wanted, raw=raw))
        assert [one.key for one in found] == wanted
        assert [isinstance(one, Missing) and one.gone for one in found] == [False, True, False, False]


def test_messages_are_asked_for_in_blocks_that_fit_into_memory(exchange: SandboxProcess, alice: EwsSource) -> None:
    small = deliver(exchange, 30)
    large = [exchange.deliver(ALICE, mail(f"Large {n}", "x" * 70 + "\r\n") + b"y" * 3_500_000)[0] for n in range(3)]
    huge = exchange.deliver(ALICE, mail("Huge") + b"z" * 9_000_000)
    exchange.clear_log()
    found = list(alice.fetch([*small, *large, *huge], raw=True))
    assert not errors(found)
    # The sizes; then 25 small ones, 5 small and 2 large ones, 1 large one, the huge one.
    assert requests(exchange) == {"GetItem": 5}


def test_a_message_of_20_megabytes_arrives_whole_and_progress_is_reported(exchange: SandboxProcess) -> None:
    raw = mail("Film") + b"0123456789abcdef\r\n" * 1_100_000
    found = exchange.deliver(ALICE, raw)
    beats: list[None] = []
    source = EwsSource(access(exchange.ews_url, timeout=20.0), lambda: beats.append(None))
    [arrival] = source.fetch(found, raw=True)
    assert isinstance(arrival, Arrival)
    assert arrival.raw == raw
    assert len(beats) > 100


def test_one_item_that_exchange_fails_over_costs_one_item_of_twenty(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 20)
    list(alice.fetch(sent, raw=False))
    exchange.fault(face="ews", operation="GetItem", effect="soap", code="ErrorInternalServerError", times=1)
    exchange.fault(
        face="ews", operation="GetItem", effect="soap", code="ErrorInternalServerError", times=1, skip=7
    )  # the block fails, and then the eighth item alone
    found = list(alice.fetch(sent, raw=True))
    assert [one.key for one in found] == sent
    [bad] = [one for one in found if isinstance(one, Missing)]
    assert (bad.key, bad.gone) == (sent[7], False)
    assert "ErrorInternalServerError" in bad.error


def test_a_server_that_fails_over_everything_is_not_the_fault_of_the_items(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    sent = deliver(exchange, 12)
    exchange.fault(face="ews", operation="GetItem", effect="soap", code="ErrorInternalServerError")
    for some in (sent, sent[:1]):
        with pytest.raises(Transient):
            list(alice.fetch(some, raw=False))


@pytest.mark.parametrize("code", ["ErrorCorruptData", "ErrorMimeContentConversionFailed", "ErrorAccessDenied"])
def test_what_exchange_refuses_for_an_item_is_said_of_the_item(
    exchange: SandboxProcess, alice: EwsSource, code: str
) -> None:
    sent = deliver(exchange, 1)
    list(alice.fetch(sent, raw=False))
    exchange.fault(face="ews", operation="GetItem", effect="response", code=code)
    [found] = alice.fetch(sent, raw=True)
    assert isinstance(found, Missing)
    assert not found.gone
    assert code in found.error


# What is written


def test_deleted_mail_lies_in_deleted_items_and_what_is_gone_counts_as_deleted(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    sent = deliver(exchange, 3)
    exchange.delete(ALICE, sent[0])
    alice.delete(sent[:2])
    assert [item["id"] for item in exchange.inbox(ALICE)] == sent[2:]
    assert len(exchange.inbox(ALICE, "deleteditems")) == 1


def test_mail_that_may_not_be_deleted_is_said(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 1)
    exchange.fault(face="ews", operation="DeleteItem", effect="response", code="ErrorCannotDeleteObject")
    with pytest.raises(ItemRejected):
        alice.delete(sent)


def test_our_category_joins_those_that_alice_gave(exchange: SandboxProcess, alice: EwsSource) -> None:
    [hers, gone, plain] = deliver(exchange, 3)
    exchange.update(ALICE, hers, categories=["Family"])
    exchange.delete(ALICE, gone)
    changed = alice.categorize([hers, gone, plain], "Tracked to CRM")
    assert set(changed) == {hers, plain}
    assert [item["categories"] for item in exchange.items(ALICE)] == [["Family", "Tracked to CRM"], ["Tracked to CRM"]]
    shown = {one.key: one.change_key for page in alice.changes("inbox", "") for one in page.shown}
    assert changed == shown
    assert alice.categorize([hers, plain], "Tracked to CRM") == shown


def test_a_category_that_meets_a_conflict_is_tried_again_on_what_is_there_then(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    sent = deliver(exchange, 2)
    exchange.fault(face="ews", operation="UpdateItem", effect="response", code="ErrorIrresolvableConflict", times=1)
    assert set(alice.categorize(sent, "Tracked")) == set(sent)
    exchange.fault(face="ews", operation="UpdateItem", effect="response", code="ErrorIrresolvableConflict")
    assert alice.categorize(sent, "Other") == {}
