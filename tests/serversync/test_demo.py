"""The demo: its letters are mail, its settings are its own, and it comes out right."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from profiles.connectors import mime
from serversync.demo.letters import Letter, attachment, letters, message_id_of, week
from serversync.demo.place import settings_of
from serversync.management.commands.demo import LOG_INS
from tests.world import ROOT

pytestmark = pytest.mark.own_database
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ARRIVED = letters(week()["letter"], NOON)


def test_a_week_of_mail_arrives_in_order_and_none_of_it_in_the_future() -> None:
    assert len(ARRIVED) > 60
    assert [letter.received for letter in ARRIVED] == sorted(letter.received for letter in ARRIVED)
    assert ARRIVED[-1].received < NOON
    assert (NOON - ARRIVED[0].received).days <= 7


def test_every_letter_has_a_message_id_of_its_own() -> None:
    assert [number for number in Counter(letter.message_id for letter in ARRIVED).values() if number > 1] == []


@pytest.mark.parametrize("letter", ARRIVED, ids=lambda letter: letter.message_id)
def test_every_letter_can_be_read(letter: Letter) -> None:
    envelope, message = mime.envelope(letter.raw), mime.message(letter.raw)
    assert envelope.message_id
    assert envelope.sender is not None
    assert envelope.sender.is_valid
    assert len(message.text) > 20
    assert "�" not in message.text + envelope.subject


def test_answers_go_to_letters_that_are_there() -> None:
    there = {letter.message_id for letter in ARRIVED}
    answered = {entry["answers"] for kind in week().values() for entry in kind if "answers" in entry}
    assert len(answered) > 8
    assert {message_id_of(one) for one in answered} <= there


def test_what_our_people_write_comes_from_mailboxes_of_the_company() -> None:
    company = tomllib.loads((ROOT / "serversync/demo/demo.toml").read_text(encoding="utf-8"))
    ours = {entry.get("email") or entry.get("email_address") for kind in ("users", "queues") for entry in company[kind]}
    assert {entry["mailbox"] for entry in week()["written"]} <= ours
    recipients = {parseaddr(person)[1] for entry in week()["letter"] for person in entry["to"]}
    assert len(recipients & ours) == 5


@pytest.mark.parametrize(("name", "begin"), [("a.pdf", b"%PDF"), ("a.png", b"\x89PNG"), ("a.csv", b"minute")])
def test_attachments_are_what_their_names_say(name: str, begin: bytes) -> None:
    assert attachment(name)[1].startswith(begin)


def test_its_settings_leave_nothing_to_the_settings_of_somebody_else(tmp_path: Path) -> None:
    values = settings_of(tmp_path)
    assert {values[name] for name in ("VAR_DIR", "REDIS_URL", "MAIL_CA_FILE")} == {str(tmp_path), ""}
    assert values["DATABASE_URL"] == f"sqlite:///{tmp_path}/demo.sqlite3"
    assert values["BLOB_DIR"].startswith(str(tmp_path))
    assert settings_of(tmp_path)["SECRET_KEY"] != values["SECRET_KEY"]


def test_played_once_it_balances_and_touches_no_other_database(tmp_path: Path) -> None:
    ours = tmp_path / "ours.sqlite3"
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{ours}", "DJANGO_SETTINGS_MODULE": "serversync.settings"}
    words = [sys.executable, "manage.py", "demo", "--once", "--folder", str(tmp_path / "demo")]
    played = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "ok  Nothing is left to do" in played.stdout
    assert "ok  Each of 7 sent mails arrived once" in played.stdout
    assert "NO " not in played.stdout
    with closing(sqlite3.connect(tmp_path / "demo" / "demo.sqlite3")) as demo:
        people = demo.execute("SELECT username, password, is_staff FROM auth_user WHERE password NOT LIKE '!%'")
        may_log_in = {name: (stored, is_staff) for name, stored, is_staff in people}
        filed = demo.execute("SELECT COUNT(*) FROM crm_email WHERE regarding_name = 'Harbour Optics Ltd'").fetchone()
        by_folder = demo.execute(
            "SELECT COUNT(*) FROM tracking_ledgerrow WHERE tracking_folder_id IS NOT NULL"
        ).fetchone()
        linked = demo.execute(
            "SELECT COUNT(*), SUM(question > 0), SUM(last_sync_error != '') FROM tracking_exchangesyncidmapping"
        ).fetchone()
        conflicts = demo.execute("SELECT field FROM tracking_syncconflict").fetchall()
    assert linked == (12, 1, 0), "appointments, contacts and tasks of both sides; one was deleted in Exchange"
    assert conflicts == [("location",)]
    assert by_folder == (3,), "two lay in the folder of the customer, one was moved there"
    assert filed[0] >= by_folder[0]
    assert not ours.exists()
    for name, password, _ in LOG_INS:
        assert PBKDF2PasswordHasher().verify(password, may_log_in[name][0]), name
    assert [name for name, (_, is_staff) in may_log_in.items() if is_staff] == ["admin"]
