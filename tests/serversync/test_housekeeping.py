"""Housekeeping: what has outlived its time goes; nothing that is in use ever does."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from mailboxes.models import AddressEntry, TraceLevel, TraceLog
from serversync.housekeeping import tidy
from tests.company import Company, receive
from tests.letters import letter
from tracking.crm.models import Blob, Contact, Email, EmailHash
from tracking.crm.storage import ASIDE, path_of, read, store
from tracking.models import AwaitedAncestor, LedgerRow

DAY = timedelta(days=1)


@pytest.fixture
def mail(company: Company) -> Email:
    alice = company.user("Alice", company.pop3_profile())
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))
    receive(alice)
    return Email.objects.get()


def path(digest: str) -> Path:
    return Path(storages["blobs"].path(path_of(digest)))


def age(file: Path, days: float) -> None:
    then = (timezone.now() - days * DAY).timestamp()
    os.utime(file, (then, then))


def test_a_blob_in_use_is_never_swept(mail: Email) -> None:
    age(path(mail.original_id), 9)
    tidy(timezone.now() + 9 * DAY)
    assert read(mail.original_id)


def test_an_orphan_goes_in_two_steps_a_day_apart(db) -> None:
    now = timezone.now()
    blob = store(b"nobody refers to this", now)
    tidy(now)
    assert path(blob.digest).exists()
    age(path(blob.digest), 2)
    tidy(now)
    assert read(blob.digest) == b"nobody refers to this"
    tidy(now)
    aside = path(blob.digest).with_name(blob.digest + ASIDE)
    assert aside.exists()
    age(aside, 2)
    assert tidy(now).blobs >= 1
    assert not aside.exists()


def test_a_blob_that_was_stored_again_while_it_was_swept_comes_back(db) -> None:
    now = timezone.now()
    blob = store(b"stored again", now)
    age(path(blob.digest), 2)
    tidy(now)
    blob.save()
    age(path(blob.digest).with_name(blob.digest + ASIDE), 2)
    Blob.objects.filter(pk=blob.pk).update(created_on=now)
    tidy(now)
    assert path(blob.digest).exists()


def test_a_row_nobody_refers_to_goes_after_a_day(mail: Email) -> None:
    lonely = store(b"a row without a use", timezone.now() - 2 * DAY)
    lonely.save()
    tidy(timezone.now())
    assert list(Blob.objects.values_list("pk", flat=True)) == [mail.original_id]


def test_evidence_expires_and_the_verdict_stays(mail: Email) -> None:  # law 3
    row = LedgerRow.objects.get()
    assert row.evidence
    assert row.sender == "ann@acme.test"
    tidy(timezone.now() + 91 * DAY)
    after = LedgerRow.objects.get()
    assert (after.evidence, after.sender, after.state, after.reason, after.content_key) == (
        {},
        "",
        row.state,
        row.reason,
        row.content_key,
    )


def test_closed_alerts_go_after_a_month_and_open_ones_stay(mail: Email) -> None:  # 4.12
    now = timezone.now()
    for cause, closed in (("old", now - 31 * DAY), ("recent", now), ("open", None)):
        TraceLog.objects.create(
            mailbox=mail.receiving_mailbox,
            level=TraceLevel.ERROR,
            cause=cause,
            text=cause,
            created_on=now,
            last_occurred_on=now,
            closed_on=closed,
        )
    tidy(now)
    assert set(TraceLog.objects.values_list("cause", flat=True)) == {"recent", "open"}


def test_addresses_that_a_bulk_writer_forgot_are_found_again(db) -> None:
    Contact.objects.bulk_create([Contact(full_name="Ann", email_address_1="ann@acme.test")])
    assert not AddressEntry.objects.exists()
    assert tidy(timezone.now()).addresses == 1
    assert AddressEntry.objects.get().address == "ann@acme.test"
    assert tidy(timezone.now()).addresses == 0


def test_numbers_for_matching_and_awaited_ancestors_outlive_their_use_by_nothing(mail: Email) -> None:  # 6.6, law 3
    now = timezone.now()
    row = LedgerRow.objects.get()
    for number in range(700):
        EmailHash.objects.create(email=mail, hash_type=0, hash=number, created_on=now - 91 * DAY)
    EmailHash.objects.create(email=mail, hash_type=0, hash=7, created_on=now - 89 * DAY)
    AwaitedAncestor.objects.create(ledger_row=row, message_id_hash=7)
    assert (tidy(now).hashes, EmailHash.objects.count(), AwaitedAncestor.objects.count()) == (700, 1, 1)
    assert tidy(now + 91 * DAY).awaited == 1
