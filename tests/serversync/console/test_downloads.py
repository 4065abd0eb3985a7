"""Lists as CSV files: complete, harmless in a spreadsheet, only for those who may see the list, and without secrets."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.models import Mailbox, TraceLevel, TraceLog
from profiles.spreadsheet import STARTS_A_FORMULA, cell, download
from tests.serversync.console.people import PASSWORD, mailbox, profile, row
from tests.serversync.console.roles import Office, open_office
from tracking.models import LedgerState

LISTS = {
    "mailboxes": ("/mailboxes/mailbox/", "download"),
    "alerts": ("/mailboxes/tracelog/", "download"),
    "decisions": ("/tracking/ledgerrow/", "download"),
    "failures": ("/tracking/ledgerrow/", "download_failures"),
}


def fetch(client: Client, name: str, **more: Any) -> list[dict[str, str]] | None:
    """The lines of a file for everything in the list; None when it is not given out."""
    address, action = LISTS[name]
    answer = client.post(address, {"action": action, "_selected_action": ["0"], "select_across": "1", **more})
    if not isinstance(answer, StreamingHttpResponse):
        return None
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert "no-store" in answer.headers["Cache-Control"]
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def office(db: None) -> Office:
    made, now = open_office(), timezone.now()
    TraceLog.objects.create(
        mailbox=made.bobs, level=TraceLevel.ERROR, cause="x", text="It stopped.", created_on=now, last_occurred_on=now
    )
    row(made.bobs, LedgerState.QUARANTINED, attempts=5, error="It could not be read.", message_id="<bad@them.test>")
    return made


def test_every_mailbox_with_its_statuses(office: Office) -> None:
    lines = fetch(office.browsers["auditor"], "mailboxes")
    assert lines is not None
    assert len(lines) == Mailbox.objects.count()
    (bobs,) = [line for line in lines if line["address"] == "bob@us.test"]
    assert (bobs["belongs to"], bobs["profile"], bobs["address approval"]) == ("user bob", "Headquarters", "Approved")
    assert (bobs["incoming condition"], bobs["calendar condition"], bobs["open alerts"]) == ("Working", "Off", "1")
    assert bobs["incoming last run"].startswith("20")


def test_only_the_mailboxes_of_the_filtered_list(alice: Client) -> None:
    mailbox("Bob", profile())
    mailbox("Charlie")
    address, action = LISTS["mailboxes"]
    answer = alice.post(f"{address}?q=bob", {"action": action, "_selected_action": ["0"], "select_across": "1"})
    assert b"".join(answer.streaming_content).decode().count("@us.test") == 1  # type: ignore[attr-defined]


def test_alerts_decisions_and_failures(office: Office) -> None:
    client = office.browsers["auditor"]
    alerts, decisions, failures = (fetch(client, name) for name in ("alerts", "decisions", "failures"))
    assert alerts is not None
    assert decisions is not None
    assert failures is not None
    assert (alerts[0]["text"], alerts[0]["address"]) == ("It stopped.", "bob@us.test")
    assert {line["state"] for line in decisions} == {"Tracked", "Ignored", "Quarantined"}
    assert "<left.out@them.test>" in [line["Message-ID"] for line in decisions]
    (failure,) = failures
    assert (failure["Message-ID"], failure["attempts"]) == ("<bad@them.test>", "5")
    assert failure["error"] == "It could not be read."


def test_no_file_holds_a_subject_a_sender_or_a_secret(office: Office) -> None:
    for name in LISTS:
        text = str(fetch(office.browsers["superuser"], name))
        for word in ("For Alice alone", "For Bob alone", "For the queue", "dora@them.test", PASSWORD, "f1:tests"):
            assert word not in text, (name, word)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("charlie", set()),
        ("approver", {"mailboxes"}),
        ("auditor", set(LISTS)),
        ("administrator", set(LISTS)),
    ],
)
def test_a_file_is_for_those_who_may_see_the_list(office: Office, role: str, may: set[str]) -> None:
    assert {name for name in LISTS if fetch(office.browsers[role], name) is not None} == may


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula_and_every_text_comes_back(text: str) -> None:
    assert not cell(text).startswith(STARTS_A_FORMULA)
    assert cell(text).removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://evil.test")'])
def test_what_a_spreadsheet_would_run_is_marked_as_text(text: str) -> None:
    answer = b"".join(download("x", ["a", "b"], [[text, "ok, “so”"]]).streaming_content).decode("utf-8-sig")  # type: ignore[arg-type]
    assert next(iter(csv.DictReader(io.StringIO(answer, newline="")))) == {"a": "'" + text, "b": "ok, “so”"}


def test_a_name_that_is_a_formula_is_harmless(alice: Client) -> None:
    bobs = mailbox("Bob")
    Mailbox.objects.filter(pk=bobs.pk).update(name="=cmd|' /C calc'!A0")
    lines = fetch(alice, "mailboxes")
    assert lines is not None
    assert "'=cmd|' /C calc'!A0" in [line["name"] for line in lines]


def test_numbers_stay_numbers() -> None:
    assert (cell(-5), cell(None), cell(True), cell(0)) == ("-5", "", "yes", "0")
