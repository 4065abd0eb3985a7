"""Exchange keeps what every connector promises, and differs only where Exchange differs."""

from __future__ import annotations

import pytest

from profiles.connectors.base import ItemRejected, Transient
from profiles.items import Arrival, Missing
from tests.profiles.conformance import (
    BOB,
    CAROL,
    DOTS,
    ODD_MESSAGES,
    FilingRules,
    MailSourceRules,
    MailSourceTroubles,
    OutboxRules,
    OutboxTroubles,
    note,
    nothing,
    only_page,
    to,
)
from tests.profiles.exchange import ALICE, EwsOutboxStage, EwsSourceStage
from tests.profiles.folder_rules import FolderRules
from tests.world import SandboxProcess


class TestEwsSource(MailSourceRules, FilingRules, FolderRules, MailSourceTroubles):
    @pytest.fixture
    def stage(self, sandbox: SandboxProcess) -> EwsSourceStage:
        return EwsSourceStage(sandbox)

    def test_one_bad_item_among_many_costs_only_itself(self, stage: EwsSourceStage) -> None:
        """Items are asked for in blocks: here the block fails, and then the third item alone."""
        for number in range(5):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        stage.fault("GetItem", "soap", code="ErrorCorruptData", skip=1)  # the first request asks for sizes
        stage.fault("GetItem", "response", code="ErrorCorruptData", text="This message is damaged", skip=3)
        results = list(source.fetch(keys, raw=True))
        assert [type(result) for result in results] == [Arrival, Arrival, Missing, Arrival, Arrival]
        assert results[2] == Missing(keys[2], gone=False, error="ErrorCorruptData: This message is damaged")

    def test_a_line_that_breaks_is_transient_and_a_later_run_gets_everything(self, stage: EwsSourceStage) -> None:
        """The messages of a block come together, or none of them."""
        for number in range(30):
            stage.deliver(note(number))
        source = stage.source()
        keys = [item.key for item in only_page(source).shown]
        stage.fault("GetItem", "drop", after_bytes=2000, skip=2)
        results = source.fetch(keys, raw=True)
        assert [next(results).key for _ in range(25)] == keys[:25]
        with pytest.raises(Transient):
            next(results)
        assert [arrival.key for arrival in source.fetch(keys, raw=True)] == keys


class TestEwsOutbox(OutboxRules, OutboxTroubles):
    @pytest.fixture
    def stage(self, sandbox: SandboxProcess) -> EwsOutboxStage:
        return EwsOutboxStage(sandbox)

    @pytest.mark.parametrize("raw", ODD_MESSAGES.values(), ids=ODD_MESSAGES.keys())
    def test_odd_letters_arrive_byte_for_byte(self, stage: EwsOutboxStage, raw: bytes) -> None:
        """Exchange completes the header of a letter; what follows it stays."""
        stage.outbox().send(to(BOB, raw=DOTS + raw), nothing)
        [arrived] = stage.arrived(BOB)
        assert arrived.partition(b"\r\n\r\n")[2] == raw
        assert b"\r\nbcc:" not in arrived.lower()

    def test_a_letter_of_20_megabytes_arrives(self, stage: EwsOutboxStage) -> None:
        big = b"".join(b".%06d %s\r\n" % (n, b"y" * 990) for n in range(20_000))
        stage.outbox().send(to(BOB, raw=DOTS + big), nothing)
        [arrived] = stage.arrived(BOB)
        assert arrived.endswith(b"\r\n\r\n" + big)

    def test_a_refused_recipient_is_named_and_the_others_get_it(self, stage: EwsOutboxStage) -> None:
        """Exchange takes every letter, and tells of refusals in a report that comes back."""
        receipt = stage.outbox().send(to(BOB, "permerror@out.test", CAROL), nothing)
        assert receipt.refused == ()
        assert len(stage.arrived(BOB)) == len(stage.arrived(CAROL)) == 1
        [report] = stage.arrived(ALICE)
        assert b"permerror@out.test" in report

    def test_a_letter_that_nobody_may_get_is_rejected(self, stage: EwsOutboxStage) -> None:
        """Only of addresses that are none is it known at once."""
        with pytest.raises(ItemRejected) as refusal:
            stage.outbox().send(to("nobody", raw=DOTS + b"Hello"), nothing)
        assert "nobody" in str(refusal.value)
        assert stage.commands() == {}

    def test_a_letter_that_nobody_may_get_now_may_go_later(self, stage: EwsOutboxStage) -> None:
        """Exchange keeps trying by itself."""
        stage.outbox().send(to("temperror@out.test"), nothing)
        assert stage.arrived(ALICE) == []

    def test_after_a_rejected_letter_the_next_goes(self, stage: EwsOutboxStage) -> None:
        outbox = stage.outbox()
        stage.fault("SendItem", "response", code="ErrorInvalidRecipients")
        with pytest.raises(ItemRejected):
            outbox.send(to(CAROL), nothing)
        outbox.send(to(BOB), nothing)
        assert len(stage.arrived(BOB)) == 1
        assert stage.sandbox.inbox(ALICE, "drafts") == []
