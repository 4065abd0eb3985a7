"""What an operator types: `sync`, `why` and `ledger`, against real servers on real sockets."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from mailboxes.models import IncomingDeliveryMethod, IncomingFilter, Leg, LegStatus, Mailbox, MailboxLeg
from mailboxes.models.leg import Claim
from profiles.connectors.mime import Address
from serversync import one_pass
from serversync.one_pass import Line, chosen, run_pass
from serversync.progress import Progress
from tests.company import Company, leg, receive, send
from tests.letters import FIRST_OF_MARCH, letter
from tests.world import SandboxProcess
from tracking.crm import delivery
from tracking.crm.writing import NewEmail, write_draft
from tracking.models import LedgerRow, LedgerTotal, SyncCursor


def run(command: str, *words: str) -> tuple[int, str, str]:
    """The exit status, and what was written to standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(command, *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def ann_writes(sandbox: SandboxProcess, to: str, subject: str = "A question", **more: Any) -> None:
    sandbox.deliver(to, letter("Ann Ray <ann@acme.test>", to, subject, f"About {subject}.", **more))


@pytest.fixture
def alice(company: Company) -> Mailbox:
    return company.user("Alice", company.pop3_profile())


@pytest.fixture
def bob(company: Company) -> Mailbox:
    return company.user("Bob", company.pop3_profile())


class TestSync:
    def test_one_pass_brings_in_what_is_there(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        ann_writes(sandbox, "alice@us.test")
        status, out, _ = run("sync", "--json")
        incoming, outgoing, act = lines(out)
        assert status == 0
        assert (incoming["mailbox"], incoming["leg"]) == ("alice@us.test", "incoming")
        assert (incoming["seen"], incoming["tracked"], incoming["error"], incoming["skipped"]) == (1, 1, None, None)
        assert outgoing["leg"] == "outgoing"
        assert act["skipped"] == "The delivery method is None."
        keys = "mailbox leg seen tracked ignored quarantined sent failed error seconds skipped"
        assert set(incoming) == set(keys.split())

    def test_it_sends_what_alice_wrote(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        write(alice, "bob@elsewhere.test")
        status, out, _ = run("sync", "--json", "--leg", "outgoing")
        assert [(line["leg"], line["sent"]) for line in lines(out)] == [("outgoing", 1)]
        assert status == 0
        assert len(sandbox.inbox("bob@elsewhere.test")) == 1

    def test_what_was_not_chosen_is_not_touched(self, sandbox: SandboxProcess, alice: Mailbox, bob: Mailbox) -> None:
        before = list(MailboxLeg.objects.exclude(mailbox=alice, leg=Leg.INCOMING).order_by("pk").values())
        run("sync", "--mailbox", "Alice@US.test", "--leg", "incoming")
        assert leg(alice).last_started_on is not None
        assert list(MailboxLeg.objects.exclude(mailbox=alice, leg=Leg.INCOMING).order_by("pk").values()) == before

    def test_it_does_not_ask_whether_something_is_due(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        alice.legs.update(due_on=timezone.now() + timedelta(hours=1))
        ann_writes(sandbox, "alice@us.test")
        assert lines(run("sync", "--json", "--leg", "incoming")[1])[0]["tracked"] == 1

    def test_a_delay_that_the_server_asked_for_is_obeyed(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        until = datetime(2999, 1, 1, tzinfo=UTC)
        alice.legs.filter(leg=Leg.INCOMING).update(postponed_until=until)
        status, out, _ = run("sync", "--json", "--leg", "incoming")
        assert lines(out)[0]["skipped"] == "The server asked us to wait until 2999-01-01 00:00:00 UTC."
        assert status == 0
        assert not sandbox.log()["counters"].get("pop3")

    def test_an_error_is_told_with_its_remedy_and_ends_with_1(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        sandbox.account("alice@us.test", "changed by the provider")
        status, out, _ = run("sync")
        assert status == 1
        assert "failed: " in out
        assert leg(alice).last_error in out
        assert leg(alice).last_remedy in out

    def test_one_broken_mailbox_does_not_hold_up_another(
        self, sandbox: SandboxProcess, alice: Mailbox, bob: Mailbox
    ) -> None:
        sandbox.account("alice@us.test", "changed by the provider")
        ann_writes(sandbox, "bob@us.test")
        status, out, _ = run("sync", "--json", "--leg", "incoming")
        told = {line["mailbox"]: line for line in lines(out)}
        assert status == 1
        assert told["alice@us.test"]["error"]
        assert told["bob@us.test"]["tracked"] == 1

    def test_an_unknown_mailbox_ends_with_2(self, alice: Mailbox) -> None:
        assert run("sync", "--mailbox", "zoe@us.test") == (2, "", "There is no mailbox with the address zoe@us.test.\n")

    def test_directions_without_a_method_are_listed_only_on_request(self, alice: Mailbox) -> None:
        Mailbox.objects.filter(pk=alice.pk).update(incoming_email_delivery_method=IncomingDeliveryMethod.NONE)
        assert "incoming" not in run("sync")[1]
        assert "skipped: The delivery method is None." in run("sync", "--verbose")[1]

    def test_a_stopped_direction_says_what_to_do(self, alice: Mailbox) -> None:
        alice.legs.update(enabled=False)
        assert "skipped: Not enabled: test and enable this direction first." in run("sync")[1]

    def test_an_installation_without_mailboxes_has_nothing_to_do(self, db: None) -> None:
        assert run("sync") == (0, "No mailbox has a delivery method: there is nothing to synchronize.\n", "")


class TestSyncBesideAWorker:
    def test_a_leg_that_a_worker_holds_is_waited_for(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        ann_writes(sandbox, "alice@us.test")
        ends = timezone.now() + timedelta(seconds=0.6)
        alice.legs.filter(leg=Leg.INCOMING).update(leased_until=ends, holder="elsewhere")
        line = only_line(alice)
        assert line.tracked == 1
        assert timezone.now() > ends

    def test_nobody_waits_for_ever(self, alice: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(one_pass, "PATIENCE", timedelta(seconds=0.3))
        alice.legs.update(leased_until=timezone.now() + timedelta(minutes=5), holder="elsewhere")
        line = only_line(alice)
        assert line.error == "It is held by another worker (elsewhere), which will run it again by itself."
        assert leg(alice).requested_on is not None

    def test_what_a_worker_did_meanwhile_is_not_done_again(
        self, alice: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = alice.legs.get(leg=Leg.INCOMING)
        MailboxLeg.objects.filter(pk=row.pk).update(leased_until=timezone.now() + timedelta(minutes=5), fence=4)

        def the_worker_ends_and_begins_and_ends(seconds: float) -> None:
            claim = Claim(row.pk, alice.pk, Leg.INCOMING, 4, None)
            later = timezone.now() + timedelta(minutes=5)
            assert MailboxLeg.objects.release(claim, requested_on=None, due_on=later, last_error="It was offline.")

        monkeypatch.setattr(one_pass.time, "sleep", the_worker_ends_and_begins_and_ends)
        line = only_line(alice)
        assert (line.skipped, line.error) == ("A worker has run it in the meantime.", "It was offline.")

    def test_it_goes_on_until_nothing_is_left(self, sandbox: SandboxProcess, alice: Mailbox) -> None:
        for number in range(60):
            ann_writes(sandbox, "alice@us.test", f"Question {number}")
        begun: list[str] = []
        (line,) = run_pass(
            chosen(["alice@us.test"], [Leg.INCOMING], timezone.now()), hurried_clock(), lambda it: begun.append(it.leg)
        )
        assert line.tracked == 60
        assert len(begun) > 1  # each cycle stops after a minute, and this clock is in a hurry
        assert leg(alice).status == LegStatus.SUCCESS


def only_line(mailbox: Mailbox) -> Line:
    """The one line of a pass over the incoming direction."""
    (line,) = run_pass(chosen([mailbox.email_address], [Leg.INCOMING], timezone.now()), timezone.now)
    return line


def hurried_clock() -> Any:
    """A clock that is ten seconds later whenever somebody looks at it."""
    start, looks = timezone.now(), iter(range(10_000))
    return lambda: start + timedelta(seconds=10 * next(looks))


def write(mailbox: Mailbox, to: str, subject: str = "Our offer") -> Any:
    """An email of ours, submitted."""
    now = timezone.now()
    email = write_draft(NewEmail(mailbox, [Address("", to)], subject, "As promised."), now)
    delivery.submit(email, now)
    return email


class TestWhy:
    @pytest.fixture
    def tracked(self, sandbox: SandboxProcess, alice: Mailbox) -> LedgerRow:
        ann_writes(sandbox, "alice@us.test", message_id="<one@acme.test>")
        receive(alice)
        return LedgerRow.objects.get()

    @pytest.mark.parametrize("message_id", ["<one@acme.test>", "one@acme.test", " one@acme.test "])
    def test_it_says_why_a_mail_was_tracked(self, tracked: LedgerRow, message_id: str) -> None:
        status, out, _ = run("why", message_id)
        assert status == 0
        assert "<one@acme.test> in alice@us.test: Tracked (reason 6). The filter takes all messages." in out
        assert f"Email: {tracked.email_id}" in out
        assert "Accepted by: alice" in out
        assert "Shown in inbox as " in out

    def test_it_says_why_a_mail_was_not(self, company: Company, sandbox: SandboxProcess) -> None:
        bob = company.user("Bob", company.pop3_profile(), IncomingFilter.RESPONSES_TO_OUR_MAIL)
        ann_writes(sandbox, "bob@us.test", message_id="<two@acme.test>")
        receive(bob)
        status, out, _ = run("why", "<two@acme.test>")
        assert status == 0
        assert "in bob@us.test: Ignored (reason 1). It does not answer any email that is tracked" in out
        assert "Email:" not in out

    def test_it_knows_what_we_sent(self, alice: Mailbox) -> None:
        email = write(alice, "ann@acme.test")
        send(alice)
        email.refresh_from_db()
        status, out, _ = run("why", email.message_id)
        assert status == 0
        assert f"Email {email.pk}: outgoing, Sent" in out
        assert "Sent from: alice@us.test" in out

    def test_json_holds_all_of_it(self, tracked: LedgerRow) -> None:
        told = json.loads(run("why", "one@acme.test", "--json")[1])
        (decision,), (email,) = told["decisions"], told["emails"]
        assert told["seen"] is True
        assert (decision["mailbox"], decision["state"], decision["reason"]) == ("alice@us.test", "tracked", 6)
        assert decision["email_id"] == email["id"] == str(tracked.email_id)
        assert decision["placements"][0]["folder"] == "inbox"

    def test_neither_subject_nor_text_is_shown(self, tracked: LedgerRow) -> None:
        assert "question" not in (run("why", "one@acme.test")[1] + run("why", "one@acme.test", "--json")[1]).lower()

    def test_what_was_never_seen_ends_with_1_and_hints(self, db: None) -> None:
        status, out, _ = run("why", "nowhere@acme.test")
        assert status == 1
        assert out.startswith("<nowhere@acme.test> was never seen.\nWhat to check:\n  - ")
        status, out, _ = run("why", "nowhere@acme.test", "--json")
        assert (status, json.loads(out)["seen"]) == (1, False)


class TestLedger:
    @pytest.fixture
    def three(self, sandbox: SandboxProcess, alice: Mailbox) -> Mailbox:
        """Alice has received three mails, one of them twice."""
        for number in (1, 2, 2):
            ann_writes(sandbox, "alice@us.test", f"Question {number}")
        receive(alice)
        return alice

    def test_it_prints_the_equation(self, three: Mailbox) -> None:
        status, out, _ = run("ledger")
        heads, values = (line.split() for line in out.splitlines()[:2])
        assert status == 0
        assert dict(zip(heads, values, strict=True)) == {
            "mailbox": "alice@us.test",
            "shown": "3",
            "copies": "1",
            "pending": "0",
            "tracked": "2",
            "ignored": "0",
            "quarantined": "0",
            "gone": "0",
            "older": "0",
            "balances": "yes",
        }

    def test_totals_that_the_rows_belie_are_told(self, three: Mailbox) -> None:
        LedgerTotal.objects.update(tracked=3)
        status, out, _ = run("ledger")
        assert status == 1
        assert "alice@us.test: the total says 3 tracked, the rows say 2." in out
        assert "alice@us.test: 3 were shown, but 4 are accounted for." in out

    def test_a_row_that_has_disappeared_is_told(self, three: Mailbox) -> None:
        row = LedgerRow.objects.order_by("pk")[0]
        row.delete()
        told = lines(run("ledger", "--json")[1])[0]
        assert told["balances"] is False
        assert "the total says 2 tracked, the rows say 1." in told["faults"]

    def test_the_server_holds_what_the_ledger_says(self, three: Mailbox) -> None:
        status, out, _ = run("ledger", "--against-server")
        assert status == 0
        assert "The servers hold what the ledger says." in out

    def test_what_only_the_server_has_is_named(self, sandbox: SandboxProcess, three: Mailbox) -> None:
        ann_writes(sandbox, "alice@us.test", "Question 4")
        status, out, _ = run("ledger", "--against-server", "--json")
        compared = lines(out)[1]
        assert status == 1
        assert (compared["on_server"], len(compared["unknown"]), compared["vanished"]) == (4, 1, [])
        run("sync")
        assert run("ledger", "--against-server")[0] == 0

    def test_what_only_the_ledger_has_is_named(self, sandbox: SandboxProcess, three: Mailbox) -> None:
        sandbox.delete("alice@us.test", sandbox.inbox("alice@us.test")[0]["id"])
        status, out, _ = run("ledger", "--against-server")
        assert status == 1
        assert "alice@us.test, inbox: in the ledger, not on the server" in out
        run("sync")
        assert run("ledger", "--against-server")[0] == 0

    def test_what_is_older_than_the_start_date_is_counted_but_not_missed(
        self, company: Company, sandbox: SandboxProcess
    ) -> None:
        bob = company.user("Bob", company.exchange_profile(process_emails_received_after=FIRST_OF_MARCH))
        for day in (-1, 1):
            moment = FIRST_OF_MARCH + timedelta(days=day)
            raw = letter("ann@acme.test", "bob@us.test", f"Day {day}", "Hello.", date=moment)
            sandbox.deliver("bob@us.test", raw, received=moment.isoformat())
        receive(bob)
        status, out, _ = run("ledger", "--against-server", "--json")
        balance, compared = lines(out)
        assert status == 0
        assert (balance["shown"], balance["older"]) == (1, 1)
        assert (compared["on_server"], compared["older"], compared["unknown"]) == (2, 1, [])
        assert SyncCursor.objects.get().older == 1

    def test_a_server_that_cannot_be_listed_is_told(self, sandbox: SandboxProcess, three: Mailbox) -> None:
        sandbox.account("alice@us.test", "changed by the provider")
        status, out, _ = run("ledger", "--against-server")
        assert status == 1
        assert "alice@us.test: cannot be listed. " in out

    def test_a_mailbox_that_is_not_read_is_not_compared(self, alice: Mailbox) -> None:
        alice.legs.update(enabled=False)
        status, out, _ = run("ledger", "--against-server")
        assert status == 0
        assert "alice@us.test: not compared. Not enabled" in out
        assert "No mailbox could be compared." in out


class TestProgress:
    ROWS = (("alice@us.test", 3), ("bob [the builder]", 12))

    def test_without_a_terminal_a_table_is_plain_lines(self) -> None:
        told: list[str] = []
        Progress(told.append, fancy=False).table(["mailbox", "seen"], self.ROWS)
        assert told == ["mailbox            seen", "alice@us.test         3", "bob [the builder]    12"]

    def test_on_a_terminal_nothing_is_taken_for_markup(self, capsys: pytest.CaptureFixture[str]) -> None:
        progress = Progress(print, fancy=True)
        with progress.working("Looking"):
            progress.now("Still looking")
        progress.table(["mailbox", "seen"], self.ROWS)
        progress.say("[bold] is a word", good=True)
        out = capsys.readouterr().out
        assert "bob [the builder]" in out
        assert "[bold] is a word" in out
