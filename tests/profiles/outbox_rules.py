"""The rules of `conformance.py` for outboxes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from profiles.connectors.base import (
    AuthenticationFailed,
    ConnectorError,
    ItemDelayed,
    ItemRejected,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from profiles.items import Trace
from tests.profiles.samples import BOB, CAROL, DOTS, ODD_MESSAGES, assert_keeps_secrets, note, nothing, to, with_crlf
from tests.profiles.stages import HASTY, PASSWORD, OutboxStage


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
        outbox = stage.outbox()
        with pytest.raises(ItemDelayed, match="none of the recipients"):
            outbox.send(to("temperror@out.test", "permerror@out.test"), nothing)
        outbox.send(to(BOB), nothing)
        assert len(stage.arrived(BOB)) == 1

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
