"""Emails rebuilt from their originals: the same emails, said better; what people did stays. Mail comes in over sockets."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, QueueItem
from serversync.replay import replay
from tests.company import Company, assert_balanced, decide, receive, write
from tests.letters import letter
from tests.stories.test_dry_run import database
from tracking.crm.identity import dup_check
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Contact, DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.crm.storage import path_of
from tracking.facts.originals import chosen, rebuildable
from tracking.keep import rebuilding
from tracking.keep.belonging import belongs_to
from tracking.keep.rebuilding import Rebuilt
from tracking.models import LedgerRow, Tombstone

RICH = letter(
    "Ann Ackermann <ann@acme.test>",
    ["alice@us.test", "Zoë <zoe@far.test>"],
    "Grüße",
    "Plain words",
    html="<p>Fine <b>words</b></p>",
    cc=["cc@far.test"],
    attachments=[("a.txt", "text/plain", b"inside"), ("run.exe", "application/octet-stream", b"MZ")],
    extra_headers=[("Thread-Index", "AQHZb1vJ3l6r9b2kT0m7V8c1pQ5XbA=="), ("Auto-Submitted", "auto-replied")],
)


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


@pytest.fixture
def alice(company: Company, profile) -> Mailbox:
    alice = company.user("Alice", profile)
    company.sandbox.deliver("alice@us.test", RICH)
    receive(alice)
    return alice


def rebuild(*, apply: bool = True, emails: Any = None) -> list[Rebuilt]:
    some = rebuildable() if emails is None else emails
    return [one for chunk in replay(some, timezone.now, apply=apply) for one in chunk]


def what(found: list[Rebuilt]) -> list[list[str]]:
    return [[change.what for change in one.changes] for one in found]


def spoil() -> Email:
    """As if an earlier parser had understood less."""
    email = Email.objects.get(direction_code=False)
    kind = ContentType.objects.get_for_model(Email)
    Email.objects.update(subject="Gr??e", description="raw", mime_type="text/plain", preview="", safe_description="old")
    parties = ActivityParty.objects.filter(activity_type=kind, activity_id=email.pk)
    parties.filter(address_used="zoe@far.test").update(unresolved_party_name="Zo?")
    parties.filter(address_used="cc@far.test").delete()
    ActivityParty.objects.create(
        activity_type=kind, activity_id=email.pk, participation_type_mask=2, address_used="garbage"
    )
    first, second = email.attachments.order_by("attachment_number")
    ActivityMimeAttachment.objects.filter(pk=first.pk).update(file_name="=?x?", file_size=0)
    second.delete()
    return email


def test_what_was_just_tracked_says_what_its_original_says(alice: Mailbox) -> None:
    before = database()
    assert what(rebuild()) == [[]]
    assert database() == before


def test_an_email_that_was_read_badly_is_rebuilt_under_its_own_id(alice: Mailbox) -> None:
    good = Email.objects.values().get()
    files = list(ActivityMimeAttachment.objects.order_by("attachment_number").values())
    people = set(ActivityParty.objects.values_list("participation_type_mask", "address_used", "unresolved_party_name"))
    spoil()
    row = LedgerRow.objects.values().get()

    rebuild()

    rebuilt = Email.objects.values().get()
    for column in good.keys() - {"modified_on"}:
        assert rebuilt[column] == good[column], column
    now = list(ActivityMimeAttachment.objects.order_by("attachment_number").values())
    assert now[0] == files[0]  # the same row
    assert {**now[1], "id": 0} == {**files[1], "id": 0}
    told = set(ActivityParty.objects.values_list("participation_type_mask", "address_used", "unresolved_party_name"))
    assert told == people
    assert LedgerRow.objects.values().get() == row
    event = DomainEvent.objects.get(kind=EventKind.EMAIL_REBUILT)
    assert event.subject_id == str(good["id"])
    assert "subject" in event.facts["changed"]
    assert_balanced(alice)


def test_the_second_time_nothing_changes(alice: Mailbox) -> None:
    spoil()
    assert rebuild()[0].changes
    before = database()
    assert what(rebuild()) == [[]]
    assert database() == before


def test_without_apply_nothing_is_written(alice: Mailbox) -> None:
    spoil()
    before = database()
    (told,) = rebuild(apply=False)
    assert database() == before
    subject = next(change for change in told.changes if change.what == "subject")
    assert (subject.before, subject.after) == ("Gr??e", "Grüße")
    assert {"description", "mime_type", "preview", "party 3", "party 2", "name of a party"} <= set(what([told])[0])
    assert sum(change.what.startswith("attachment") for change in told.changes) == 2


def test_what_a_person_has_changed_stays(alice: Mailbox) -> None:
    email = spoil()
    Email.objects.update(subject="My words", edited_fields=["description", "parties", "subject"])
    case = Contact.objects.create(full_name="Ann", email_address_1="other@acme.test")
    email.refresh_from_db()
    belongs_to(email, case, False, None, timezone.now())

    found = rebuild()

    email.refresh_from_db()
    assert (email.subject, email.description, email.mime_type) == ("My words", "raw", "text/plain")
    assert email.regarding == case
    assert ActivityParty.objects.filter(address_used="garbage").exists()
    assert not {"subject", "description", "party 2"} & set(what(found)[0])
    assert email.attachments.count() == 2  # nobody has touched those


def test_who_is_a_record_stays_one_and_who_has_become_one_is_found(company: Company, alice: Mailbox) -> None:  # 5.12
    email = Email.objects.get()
    resolved = Contact.objects.create(full_name="Zoë", email_address_1="elsewhere@far.test")
    party = ActivityParty.objects.get(address_used="zoe@far.test")
    party.party = resolved
    party.save()
    ann = Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")

    rebuild()

    email.refresh_from_db()
    assert ActivityParty.objects.get(address_used="zoe@far.test").party == resolved
    assert ActivityParty.objects.get(address_used="ann@acme.test").party == ann
    assert email.email_sender == ann
    before = database()
    rebuild()
    assert database() == before


def test_conversation_queue_items_and_ledger_stay(company: Company, profile) -> None:
    support = company.queue("Support", profile, IncomingFilter.ALL_MESSAGES)
    news = write(support, "dora@shop.test")
    raw = letter("dora@shop.test", "support@us.test", "Re: News", "x", in_reply_to=news.message_id)
    company.sandbox.deliver("support@us.test", raw)
    receive(support)
    answer = Email.objects.get(direction_code=False)
    assert answer.correlated_activity == news
    Email.objects.filter(pk=answer.pk).update(preview="stale")
    found = rebuild()
    assert [one.email_id for one in found] == [answer.pk]  # what was written here has no original to be made from
    answer.refresh_from_db()
    assert (answer.preview, answer.correlated_activity) == ("x", news)
    assert QueueItem.objects.count() == 1


def test_what_was_removed_is_not_rebuilt(alice: Mailbox) -> None:  # law 12
    spoil()
    key = LedgerRow.objects.get().content_key
    Tombstone.objects.create(mailbox=alice, content_key=key, removed_on=timezone.now())
    before = database()
    (told,) = rebuild()
    assert "stays removed" in told.problem
    assert database() == before


def test_an_identity_read_wrongly_is_mended_only_if_nobody_has_it(company: Company, alice: Mailbox) -> None:  # 5.10
    email, row = Email.objects.get(), LedgerRow.objects.get()
    right = row.content_key
    LedgerRow.objects.update(content_key="0" * 32)
    Email.objects.update(message_id_dup_check=dup_check("0" * 32, False), message_id="<wrong@x.test>")

    (told,) = rebuild()
    assert told.note == "Its identity is another one now."
    row.refresh_from_db()
    assert row.content_key == right
    email.refresh_from_db()
    assert email.message_id != "<wrong@x.test>"

    company.sandbox.deliver("alice@us.test", RICH)  # known again
    receive(alice)
    assert Email.objects.count() == 1

    other = Email(**{**Email.objects.values().get(), "id": Email._meta.pk.get_default()})
    other.message_id_dup_check = dup_check("1" * 32, False)
    other.save(force_insert=True)
    found = {one.email_id: one for one in rebuild()}
    assert "same message as another email" in found[other.pk].note
    other.refresh_from_db()
    assert other.message_id_dup_check == dup_check("1" * 32, False)


def test_a_lost_original_costs_one_line(alice: Mailbox, company: Company) -> None:  # law 5
    company.sandbox.deliver("alice@us.test", letter("b@acme.test", "alice@us.test", "Second", "x"))
    receive(alice)
    lost, whole = Email.objects.order_by("id")
    Email.objects.update(preview="stale")
    storages["blobs"].delete(path_of(lost.original_id))
    found = {one.email_id: one for one in rebuild()}
    assert "cannot be read" in found[lost.pk].problem
    whole.refresh_from_db()
    assert whole.preview == "x"


def test_killed_in_between_whole_emails_are_done_and_the_next_run_goes_on(
    company: Company, profile, monkeypatch
) -> None:
    monkeypatch.setattr("serversync.replay.CHUNK", 1)
    alice = company.user("Alice", profile)
    for number in range(3):
        company.sandbox.deliver("alice@us.test", letter("b@acme.test", "alice@us.test", f"Letter {number}", "x"))
    receive(alice)
    Email.objects.update(preview="stale", description="stale")
    real, written = rebuilding._write, []

    def dies(plan, now, by):
        real(plan, now, by)
        written.append(plan)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(rebuilding, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        rebuild()
    assert sorted(Email.objects.values_list("preview", flat=True)) == ["stale", "stale", "x"]
    monkeypatch.setattr(rebuilding, "_write", real)
    assert sum(bool(one.changes) for one in rebuild()) == 2
    assert set(Email.objects.values_list("preview", flat=True)) == {"x"}
    assert DomainEvent.objects.filter(kind=EventKind.EMAIL_REBUILT).count() == 3


def test_sent_items_are_rebuilt_as_sent_mail(company: Company) -> None:  # 5.3
    decide(auto_track_sent_folder_items=True)
    alice = company.user("Alice", company.exchange_profile())
    receive(alice)
    raw = letter("alice@us.test", "dora@shop.test", "From Outlook", "x")
    company.sandbox.deliver("alice@us.test", raw, folder="sentitems")
    receive(alice)
    good = Email.objects.values().get()
    assert good["direction_code"]
    Email.objects.update(subject="?")
    assert what(rebuild()) == [["subject"]]
    assert {**Email.objects.values().get(), "modified_on": 0} == {**good, "modified_on": 0}


def test_some_can_be_chosen(company: Company, alice: Mailbox) -> None:
    email, now = Email.objects.get(), timezone.now()
    bob = company.user("Bob", alice.email_server_profile)
    assert chosen([bob]).count() == 0
    assert chosen([alice]).get() == email
    assert chosen(since=now + timedelta(days=1)).count() == 0
    assert chosen(until=now + timedelta(days=1)).get() == email
    assert chosen(message_ids=[email.message_id.strip("<>")]).get() == email
    assert chosen(message_ids=["<other@x.test>"]).count() == 0


# The command


def told(*arguments: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("replay", "--json", *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_command_shows_first_and_writes_only_when_told(alice: Mailbox) -> None:
    spoil()
    one, totals = told("--mailbox", "ALICE@us.test")
    assert "subject" in one["changes"]
    assert totals == {"kind": "totals", "looked_at": 1, "different": 1, "left_alone": 0, "applied": False}
    assert Email.objects.get().subject == "Gr??e"
    assert told("--apply")[-1]["different"] == 1
    assert Email.objects.get().subject == "Grüße"
    out = StringIO()
    call_command("replay", "--apply", stdout=out)
    assert "0 rebuilt" in out.getvalue()
    assert told("--since", "2999-01-01") == [
        {"kind": "totals", "looked_at": 0, "different": 0, "left_alone": 0, "applied": False}
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mailbox", "nobody@us.test"], "No mailbox"),
        (["--since", "soon"], "is no date"),
        (["--until", "2026-02-31"], "no date"),
    ],
)
def test_the_command_names_what_is_wrong(db: None, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        told(*arguments)
