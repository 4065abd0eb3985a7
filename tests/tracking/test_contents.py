"""What is taken of a message and what is left out; what a bounce is believed (5.19, 5.21, RFC 3464)."""

from __future__ import annotations

import json

import pytest

from mailboxes.policy import Policy
from profiles.connectors.mime import envelope
from profiles.connectors.mime.filenames import ending_of, name_to_save
from tests.profiles.mime_samples import mail
from tracking.keep.contents import left_out_because, told_headers

POLICY = Policy(max_upload_file_size=1024**2, blocked_attachments="exe .js, VBS")


@pytest.mark.parametrize(
    ("name", "blocked"),
    [
        ("setup.exe", True),
        ("SETUP.EXE", True),
        ("invoice.pdf.exe", True),
        ("setup.exe. . ", True),
        ("setup.exe\u200b", True),
        ("setup.\uff45xe", True),  # full-width letters are letters to a computer
        ("annual\u202efdp.exe", True),  # shown as "annualexe.pdf"
        ("setup.exe::$DATA", True),
        ("x.js", True),
        ("x.vbs", True),
        ("setup.exe.pdf", False),
        ("exe", False),
        ("Plan.pdf", False),
        ("", False),
    ],
)
def test_programs_are_blocked_by_the_ending_that_counts(name: str, blocked: bool) -> None:  # 5.19
    because = left_out_because(name, 1, POLICY)
    assert bool(because) is blocked
    assert not blocked or f".{ending_of(name)} are blocked" in because


def test_a_file_over_the_limit_is_left_out_with_both_sizes() -> None:  # 5.19
    assert left_out_because("a.pdf", 1024**2, POLICY) == ""
    assert left_out_because("a.pdf", 3 * 1024**2, POLICY) == "It has 3.0 MB; at most 1.0 MB are taken per file."


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("Plan 2026.pdf", "Plan 2026.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\x.txt", "_.._x.txt"),
        ("C:\\x.txt", "C__x.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
        ("annual\u202efdp.exe", "annualfdp.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.log", "_com1.log"),
        ("console.txt", "console.txt"),
        (" .hidden. ", "hidden"),
        ("...", "part-2"),
        ("", "part-2"),
        ("Grüße 你好.txt", "Grüße 你好.txt"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_is_saved_under_a_harmless_name(name: str, saved: str) -> None:
    assert name_to_save(name, "part-2") == saved


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["Subject: x"], None),
        (["Auto-Submitted: auto-replied"], {"Auto-Submitted": "auto-replied"}),
        (["Reply-To: A <a@x.test>, b@x.test"], {"Reply-To": "a@x.test, b@x.test"}),
        (["Auto-Submitted: no", "Reply-To: a@x.test"], {"Auto-Submitted": "no", "Reply-To": "a@x.test"}),
    ],
)
def test_two_headers_are_kept_as_json(lines: list[str], told: dict[str, str] | None) -> None:  # 5.21
    text = told_headers(envelope(mail(*lines, "", "")))
    assert (json.loads(text) if text else None) == told


@pytest.mark.parametrize("value", ["x" * 5_000, '"' * 5_000, "\\" * 5_000, "ä" * 5_000])
def test_they_are_never_longer_than_500_characters(value: str) -> None:  # 5.21
    text = told_headers(envelope(mail(f"Auto-Submitted: {value}", f"Reply-To: {value}", "", "")))
    assert len(text) <= 500
    json.loads(text)
