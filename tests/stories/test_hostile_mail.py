"""Mail that means harm is kept whole, shown harmlessly, and costs no more than mail of its size."""

from __future__ import annotations

import base64

import pytest
from django.test import Client
from django.urls import reverse

from profiles.connectors.mime import envelope
from profiles.connectors.mime.envelope import MOST_ADDRESSES
from tests.company import Company, assert_balanced, receive
from tests.letters import letter
from tests.profiles.tnef_samples import winmail
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Email
from tracking.crm.models.states import Notifications
from tracking.crm.storage import read
from tracking.models import LedgerRow, LedgerState

HEAD = b"From: eve@else.test\r\nTo: alice@us.test\r\nMessage-ID: <evil@else.test>\r\nSubject: Hello\r\n"
NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_000))
BOMB = base64.encodebytes(bytes(6_000_000)).replace(b"\n", b"\r\n")
HOSTILE = {
    "a header with a line break hidden in it": HEAD + b"X-A: =?utf-8?q?a=0D=0ABcc:_bob@us.test?=\r\n\r\nHi",
    "5,000 references": HEAD + b"References: " + b" ".join(b"<%d@x.test>" % n for n in range(5_000)) + b"\r\n\r\nHi",
    "10,000 recipients": HEAD + b"Cc: " + b",\r\n ".join(b"p%d@x.test" % n for n in range(10_000)) + b"\r\n\r\nHi",
    "1,000 levels": HEAD + NESTED + b"Content-Type: text/plain\r\n\r\nHi",
    "1,000 mails in each other": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + b"Hi",
    "a header line of a megabyte": HEAD + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\nHi",
    "a header block without an end": HEAD + b"X-A: b\r\n" * 200_000,
    "many zeros in base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + BOMB,
    "only quotation marks": HEAD.replace(b"eve@else.test", b'"' * 50_000 + b" <eve@else.test>") + b"\r\nHi",
    "100,000 markup characters": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 100_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_kept_with_its_bytes_and_the_next_mail_as_well(company: Company, client: Client, raw: bytes) -> None:
    alice = company.user("Alice", company.pop3_profile())
    company.sandbox.deliver("alice@us.test", raw)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Lunch", "Noon?"))
    receive(alice)
    assert {row.state for row in LedgerRow.objects.all()} == {LedgerState.TRACKED}
    evil = Email.objects.get(message_id="<evil@else.test>")
    assert read(evil.original_id).rstrip(b"\r\n") == raw.rstrip(b"\r\n")
    client.force_login(alice.regarding_user)
    for page in ("email", "body", "original"):
        assert client.get(reverse(f"owner:{page}", args=[evil.pk])).status_code == 200
    assert len(client.get(reverse("owner:email", args=[evil.pk])).content) < 300_000
    assert_balanced(alice)


def test_at_most_ten_thousand_recipients_of_each_list_become_participants(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    many = b",\r\n ".join(b"p%d@x.test" % n for n in range(MOST_ADDRESSES + 500))
    company.sandbox.deliver("alice@us.test", HEAD + b"Cc: " + many + b"\r\n\r\nHi")
    receive(alice)
    parties = ActivityParty.objects.filter(activity_id=Email.objects.get().pk)
    assert parties.count() == MOST_ADDRESSES + 2  # and From and To
    assert b"p10400@x.test" in read(Email.objects.get().original_id)


def test_no_header_of_a_mail_becomes_a_header_of_an_answer(company: Company, client: Client) -> None:
    alice = company.user("Alice", company.pop3_profile())
    name = "=?utf-8?q?../../x=0D=0ASet-Cookie:_a=3Db.txt?="
    raw = HEAD + f'Content-Type: a/b; name="{name}"\r\nContent-Disposition: attachment\r\n\r\nx'.encode()
    company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    client.force_login(alice.regarding_user)
    answer = client.get(reverse("owner:attachment", args=[Email.objects.get().pk, 1]))
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Content-Disposition"] == 'attachment; filename="_.._xSet-Cookie_ a=b.txt"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_program_is_left_out_also_when_outlook_wrapped_it(company: Company, client: Client) -> None:  # 5.19
    alice = company.user("Alice", company.pop3_profile())
    dat = winmail(("plan.pdf", b"%PDF"), ("invoice.pdf.exe", b"MZ"))
    raw = letter(
        "eve@else.test",
        "alice@us.test",
        "Files",
        "See",
        attachments=[("winmail.dat", "application/ms-tnef", dat), ("annual\u202efdp.exe", "application/pdf", b"MZ")],
    )
    company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    email = Email.objects.get()
    assert email.notifications == Notifications.SOME_ATTACHMENTS_NOT_SAVED
    files = ActivityMimeAttachment.objects.filter(email=email)
    left_out = {one.file_name: one.is_left_out for one in files}
    assert left_out == {"plan.pdf": False, "invoice.pdf.exe": True, "annualfdp.exe": True}
    client.force_login(alice.regarding_user)
    page = client.get(reverse("owner:email", args=[email.pk])).content.decode()
    assert page.count("Files that end in .exe are blocked") == 2
    for one in files:
        answer = client.get(reverse("owner:attachment", args=[email.pk, one.attachment_number]))
        assert answer.status_code == (404 if one.is_left_out else 200)


def test_a_bomb_of_recipients_in_many_fields_is_cut() -> None:
    raw = HEAD + (b"To: " + b",".join(b"a@b.cc" for _ in range(900)) + b"\r\n") * 150 + b"\r\n"
    assert len(envelope(raw).to) == MOST_ADDRESSES
