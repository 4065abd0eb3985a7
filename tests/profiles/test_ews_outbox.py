"""Alice's letters leave through Exchange, once."""

from __future__ import annotations

from collections.abc import Iterator
from email.parser import BytesHeaderParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.connectors import mime
from profiles.connectors.base import Cause, ConnectorError, ItemRejected, OutcomeUnknown, Throttled, Transient
from profiles.connectors.ews.headers import split
from profiles.connectors.ews.outbox import EwsOutbox, with_envelope
from profiles.items import Letter, Trace
from tests.letters import letter
from tests.profiles.exchange import ALICE, BOB, CAROL, access, requests, set_up
from tests.profiles.stages import closed_port
from tests.world import SandboxProcess

DAVE = "dave@them.test"


@pytest.fixture
def exchange(sandbox: SandboxProcess) -> SandboxProcess:
    return set_up(sandbox)


@pytest.fixture
def outbox(exchange: SandboxProcess) -> Iterator[EwsOutbox]:
    opened = EwsOutbox(access(exchange.ews_url))
    yield opened
    opened.close()


def offer(*recipients: str, to: str = CAROL, sender: str = ALICE, save_copy: bool = True, mark: str = "us/1") -> Letter:
    raw = letter(sender, to, "Our offer", "Dear Carol", message_id="<offer@us.test>")
    return Letter(mark, "<offer@us.test>", sender, recipients or (to,), raw, save_copy)


def nothing() -> None:
    """Handing over needs no preparation here."""


def folders(exchange: SandboxProcess) -> list[str]:
    """Where Alice's items lie."""
    return sorted(item["folder"] for item in exchange.items(ALICE))


def send(outbox: EwsOutbox, sent: Letter) -> None:
    outbox.send(sent, nothing)


def test_a_letter_arrives_and_its_copy_lies_in_sent_items(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    exchange.clear_log()
    send(outbox, offer())
    [arrived] = exchange.inbox(CAROL)
    assert arrived["message_id"] == "<offer@us.test>"
    assert folders(exchange) == ["sentitems"]
    assert requests(exchange) == {"CreateItem": 1, "SendItem": 1}


def test_a_letter_without_a_copy_leaves_nothing(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    quiet = offer(save_copy=False)
    send(outbox, quiet)
    assert len(exchange.inbox(CAROL)) == 1
    assert folders(exchange) == []
    assert outbox.trace(quiet) is Trace.CANNOT_TELL


def test_hidden_recipients_get_the_letter_and_nobody_sees_them(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    send(outbox, offer(CAROL, DAVE, BOB))
    for address in (CAROL, DAVE, BOB):
        [arrived] = exchange.inbox(address)
        raw = exchange.raw(address, arrived["id"]).lower()
        assert b"bcc" not in raw
        assert b"dave" not in split(raw)[0].replace(b"for <dave@them.test>", b"")


def test_nobody_gets_a_letter_only_because_the_header_names_him(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    with pytest.raises(ItemRejected, match=r"carol@them\.test"):
        send(outbox, offer(DAVE))
    assert requests(exchange) == {}


def test_the_mail_is_sent_as_it_was_written(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    raw = letter(ALICE, CAROL, "Wichtig", "Hi", extra_headers=[("Importance", "high"), ("X-ServerSync-Token", "17")])
    send(outbox, Letter("us/2", "<2@us.test>", ALICE, (CAROL,), raw))
    [arrived] = exchange.inbox(CAROL)
    assert exchange.raw(CAROL, arrived["id"]).endswith(raw)


# What can be found out afterwards


def test_a_letter_is_traced_from_nowhere_to_sent_items(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    sent, other = offer(), offer(mark="us/2")
    assert outbox.trace(sent) is Trace.NOT_THERE
    send(outbox, sent)
    assert outbox.trace(sent) is Trace.SENT
    assert outbox.trace(other) is Trace.NOT_THERE


def test_a_draft_left_by_a_crash_is_found_and_sent_instead_of_another(
    exchange: SandboxProcess, outbox: EwsOutbox
) -> None:
    class Crash(Exception):
        pass

    def crash() -> None:
        raise Crash

    with pytest.raises(Crash):
        outbox.send(offer(), crash)
    assert folders(exchange) == ["drafts"]
    after = EwsOutbox(access(exchange.ews_url))
    assert after.trace(offer()) is Trace.DRAFT
    exchange.clear_log()
    send(after, offer())
    assert requests(exchange) == {"SendItem": 1}
    assert folders(exchange) == ["sentitems"]
    assert len(exchange.inbox(CAROL)) == 1


def test_a_draft_that_nobody_needs_is_removed_and_nothing_else(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    def withdrawn() -> None:
        raise LookupError

    exchange.deliver(ALICE, letter(ALICE, CAROL, "My own draft", "x"), folder="drafts")
    with pytest.raises(LookupError):
        outbox.send(offer(), withdrawn)
    assert folders(exchange) == ["drafts", "drafts"]
    outbox.discard("us/1")
    outbox.discard("us/1")
    assert [item["subject"] for item in exchange.inbox(ALICE, "drafts")] == ["My own draft"]


def left_in_drafts(exchange: SandboxProcess) -> None:
    def withdrawn() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        EwsOutbox(access(exchange.ews_url)).send(offer(), withdrawn)


def test_a_second_draft_of_the_same_letter_is_removed_as_well(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    left_in_drafts(exchange)
    left_in_drafts(exchange)
    outbox.discard("us/1")
    assert folders(exchange) == []


KEPT: list[tuple[str, str, type[ConnectorError]]] = [
    ("GetItem", "ErrorServerBusy", Throttled),
    ("GetItem", "ErrorMailboxStoreUnavailable", Transient),
    ("GetItem", "ErrorAccessDenied", ItemRejected),
    ("DeleteItem", "ErrorServerBusy", Throttled),
    ("DeleteItem", "ErrorAccessDenied", ItemRejected),
]


@pytest.mark.parametrize(("operation", "code", "kind"), KEPT)
def test_a_draft_that_cannot_be_removed_now_is_not_taken_for_gone(
    exchange: SandboxProcess, outbox: EwsOutbox, operation: str, code: str, kind: type[ConnectorError]
) -> None:
    left_in_drafts(exchange)
    exchange.fault(face="ews", operation=operation, effect="response", code=code, times=1)
    with pytest.raises(kind):
        outbox.discard("us/1")
    outbox.discard("us/1")
    assert folders(exchange) == []


@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem"])
def test_a_draft_that_somebody_else_has_just_removed_is_gone(
    exchange: SandboxProcess, outbox: EwsOutbox, operation: str
) -> None:
    left_in_drafts(exchange)
    exchange.fault(face="ews", operation=operation, effect="response", code="ErrorItemNotFound", times=1)
    outbox.discard("us/1")
    assert requests(exchange)["FindItem"] == 2


def test_what_was_sent_and_put_among_the_drafts_is_not_removed(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    send(outbox, offer())
    [sent] = exchange.inbox(ALICE, "sentitems")
    exchange.move(ALICE, sent["id"], "drafts")
    outbox.discard("us/1")
    assert folders(exchange) == ["drafts"]


def test_a_draft_that_somebody_touched_is_sent_after_another_look(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    def touch() -> None:
        exchange.update(ALICE, exchange.inbox(ALICE, "drafts")[0]["id"], categories=["Red"])

    with pytest.raises(Transient) as failure:
        outbox.send(offer(), touch)
    assert not isinstance(failure.value, OutcomeUnknown)
    send(outbox, offer())
    assert len(exchange.inbox(CAROL)) == 1
    assert folders(exchange) == ["sentitems"]


def test_a_draft_that_disappears_may_have_been_sent(exchange: SandboxProcess, outbox: EwsOutbox) -> None:
    with pytest.raises(OutcomeUnknown):
        outbox.send(offer(), lambda: exchange.delete(ALICE, exchange.inbox(ALICE, "drafts")[0]["id"]))
    assert outbox.trace(offer()) is Trace.NOT_THERE


LOST = [
    # fault, whether the letter left, and where it is found
    ({"effect": "drop"}, False, Trace.DRAFT),
    ({"effect": "drop", "after_effect": True}, True, Trace.SENT),
    ({"effect": "drop", "after_bytes": 50}, True, Trace.SENT),
    ({"effect": "truncate"}, True, Trace.SENT),
    ({"effect": "html", "after_effect": True}, True, Trace.SENT),
    ({"effect": "hang", "seconds": 1.5}, False, Trace.DRAFT),
    ({"effect": "status", "status": 504, "after_effect": True}, True, Trace.SENT),
    ({"effect": "soap", "code": "ErrorInternalServerError"}, False, Trace.DRAFT),
    ({"effect": "response", "code": "ErrorTimeoutExpired", "after_effect": True}, True, Trace.SENT),
]


@pytest.mark.parametrize(("fault", "left", "trace"), LOST, ids=lambda value: str(value))
def test_when_the_answer_is_lost_the_outcome_is_unknown_until_it_is_traced(
    exchange: SandboxProcess, fault: dict[str, object], left: bool, trace: Trace
) -> None:
    outbox = EwsOutbox(access(exchange.ews_url, timeout=0.7))
    exchange.fault(face="ews", operation="SendItem", times=1, **fault)
    with pytest.raises(OutcomeUnknown):
        send(outbox, offer())
    assert len(exchange.inbox(CAROL)) == left
    later = EwsOutbox(access(exchange.ews_url))
    assert later.trace(offer()) is trace
    if trace is Trace.DRAFT:
        send(later, offer())
    assert len(exchange.inbox(CAROL)) == 1


BEFORE = [{"effect": "drop"}, {"effect": "drop", "after_effect": True}, {"effect": "hang", "seconds": 1.5}]


@pytest.mark.parametrize("fault", BEFORE, ids=str)
def test_a_line_that_breaks_before_handing_over_surely_sent_nothing(
    exchange: SandboxProcess, fault: dict[str, object]
) -> None:
    outbox = EwsOutbox(access(exchange.ews_url, timeout=0.7))
    exchange.fault(face="ews", operation="CreateItem", times=1, **fault)
    asked: list[str] = []
    with pytest.raises(Transient) as failure:
        outbox.send(offer(), lambda: asked.append("now"))
    assert not isinstance(failure.value, OutcomeUnknown)
    assert asked == []
    send(outbox, offer())
    assert len(exchange.inbox(CAROL)) == 1
    assert folders(exchange) == ["sentitems"]


REFUSALS: list[tuple[str, type[ConnectorError], Cause, list[str]]] = [
    ("ErrorInvalidRecipients", ItemRejected, Cause.RECIPIENT, []),
    ("ErrorMessageSizeExceeded", ItemRejected, Cause.SIZE, []),
    ("ErrorSendAsDenied", ItemRejected, Cause.SEND_AS, []),
    ("ErrorQuotaExceeded", Transient, Cause.QUOTA, ["drafts"]),
    ("ErrorSubmissionQuotaExceeded", Throttled, Cause.SENDING_LIMIT, ["drafts"]),
    ("ErrorServerBusy", Throttled, Cause.BUSY, ["drafts"]),
    ("ErrorMailboxStoreUnavailable", Transient, Cause.SERVER, ["drafts"]),
]


@pytest.mark.parametrize(("code", "kind", "cause", "left"), REFUSALS)
def test_what_exchange_refuses_clearly_is_not_unknown(
    exchange: SandboxProcess,
    outbox: EwsOutbox,
    code: str,
    kind: type[ConnectorError],
    cause: Cause,
    left: list[str],
) -> None:
    exchange.fault(face="ews", operation="SendItem", effect="response", code=code, times=1)
    with pytest.raises(kind) as refusal:
        send(outbox, offer())
    assert not isinstance(refusal.value, OutcomeUnknown)
    assert code in refusal.value.words
    assert refusal.value.cause is cause
    assert folders(exchange) == left
    send(outbox, offer())
    assert len(exchange.inbox(CAROL)) == 1
    assert folders(exchange) == ["sentitems"]


@pytest.mark.parametrize(("right", "sender"), [("send-as", None), ("send-on-behalf", ALICE)])
def test_alice_may_not_send_in_bobs_name_until_she_has_the_right(  # 7.6
    exchange: SandboxProcess, outbox: EwsOutbox, right: str, sender: str | None
) -> None:
    as_bob = offer(sender=BOB)
    exchange.delegate(BOB, ALICE)  # she may read his mail; that is another right
    with pytest.raises(ItemRejected, match=r"alice@us\.test may not send in the name of bob@us\.test") as refusal:
        send(outbox, as_bob)
    assert refusal.value.cause is Cause.SEND_AS
    for right_to_give in ("SendAs", "GrantSendOnBehalfTo"):
        assert right_to_give in refusal.value.remedy
    assert folders(exchange) == []
    exchange.sender(BOB, ALICE, right)
    send(outbox, as_bob)
    [arrived] = exchange.inbox(CAROL)
    assert arrived["from"] == BOB
    head = BytesHeaderParser().parsebytes(exchange.raw(CAROL, arrived["id"]))
    assert head["Sender"] == sender
    assert folders(exchange) == ["sentitems"]
    assert exchange.items(BOB) == []


def test_a_domain_in_letters_of_its_own_is_the_same_in_the_header_and_in_the_envelope(
    exchange: SandboxProcess, outbox: EwsOutbox
) -> None:
    raw = letter(ALICE, "ann@xn--bcher-kva.test", "Offer", "x")
    send(outbox, Letter("us/9", "<9@us.test>", ALICE, ("ann@bücher.test", "boss@bücher.test"), raw))
    for address in ("ann@xn--bcher-kva.test", "boss@xn--bcher-kva.test"):
        assert len(exchange.inbox(address)) == 1


def test_a_server_that_goes_away_before_the_draft_is_sent_has_sent_nothing(exchange: SandboxProcess) -> None:
    nowhere = EwsOutbox(access(f"http://127.0.0.1:{closed_port()}/EWS/Exchange.asmx"))
    with pytest.raises(Transient) as failure:
        send(nowhere, offer())
    assert not isinstance(failure.value, OutcomeUnknown)


# The envelope in the MIME

ADDRESSES = st.from_regex(r"[a-z][a-z0-9.+_-]{0,12}[a-z]@[a-z]{1,12}\.test", fullmatch=True)


@given(shown=st.lists(ADDRESSES, max_size=5), hidden=st.lists(ADDRESSES, max_size=60))
def test_the_mime_names_exactly_the_recipients(shown: list[str], hidden: list[str]) -> None:
    recipients = tuple(dict.fromkeys([*shown, *hidden]))
    raw = f"From: {ALICE}\r\nTo: {', '.join(shown)}\r\nBcc: old@us.test\r\nSubject: x\r\n\r\n.body".encode()
    written = with_envelope(Letter("m", "<m@x>", ALICE, recipients, raw))
    head, body = split(written)
    envelope = mime.envelope(head)
    assert body == b".body"
    assert {a.address for a in (*envelope.to, *envelope.cc, *envelope.bcc)} == set(recipients)
    assert {a.address for a in envelope.bcc}.isdisjoint(shown)
    assert max(len(line) for line in head.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a b@us.test", "a@us.test\r\nBcc: x@y.test", "a@us.test, x@y.test", "a,x@y.test", "<a@b.c>"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ItemRejected):
        with_envelope(Letter("m", "<m@x>", ALICE, (CAROL, address), b"To: carol@them.test\r\n\r\n"))


def test_an_internationalised_address_is_named(exchange: SandboxProcess) -> None:
    raw = "To: Bücher <grüße@bücher.test>\r\nSubject: x\r\n\r\n".encode()
    written = with_envelope(Letter("m", "<m@x>", ALICE, ("grüße@bücher.test", "müller@them.test"), raw))
    assert "Bcc: müller@them.test\r\n".encode() in written
