"""The page of writing: mistakes are named by field and lose nothing, names are looked up, nobody learns what is not theirs."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.models import Mailbox, Organization, QueueMember
from profiles.connectors.mime import Address
from serversync.console import compose_files
from serversync.console.compose_people import as_typed, read_people
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile
from tests.serversync.console.roles import Office, open_office
from tests.writing import Letter, browser_of
from tracking.crm import storage
from tracking.crm.models import Account, Blob, Case, Contact, Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail, write_draft


@pytest.fixture
def alices(db: None) -> Mailbox:
    """Alice's mailbox; Dora Dean is a contact of hers, Dora Duck one of Bob's."""
    found, bobs = mailbox("Alice", profile()), mailbox("Bob", profile("Other"))
    Contact.objects.create(full_name="Dora Dean", email_address_1="dean@them.test", owner=found.regarding_user)
    Contact.objects.create(full_name="Dora Duck", email_address_1="duck@them.test", owner=bobs.regarding_user)
    return found


@pytest.fixture
def letter_of_alice(alices: Mailbox) -> Letter:
    return Letter(browser_of(alices), "/mail/new/")


MISTAKES = [
    ({"to": "dora@"}, "“dora@” is not an email address. Correct it or take it out."),
    ({"cc": "a@b@c"}, "“a@b@c” is not an email address. Correct it or take it out."),
    ({"bcc": "Nobody"}, "Nobody that you may see is called “Nobody”. Enter an email address."),
    ({"to": "Duck"}, "Nobody that you may see is called “Duck”. Enter an email address."),
    (
        {"to": "us.test"},
        "“us.test” may be Alice <alice@us.test>; Bob <bob@us.test>. Enter the address of the one you mean.",
    ),
    ({"regarding_name": "Dora Duck"}, "There is no record that you may see called “Dora Duck”."),
    ({"sender": "somebody’s"}, "You may not send from this mailbox. Choose another."),
    (
        {"not_before": "2020-01-01T09:00"},
        "This time has passed. Choose a later one, or leave it empty to send now.",
    ),
    ({"not_before": "soon"}, "Enter a day and a time, such as 2026-03-01T09:00."),
    ({"file": "forged"}, "A file of this email is not here any more. Choose it again."),
]


def test_each_mistake_is_named_and_nothing_typed_is_lost(letter_of_alice: Letter) -> None:
    as_it_was = dict(letter_of_alice.fields)
    for changes, problem in MISTAKES:
        letter_of_alice.fields = dict(as_it_was)
        letter_of_alice.press("send", subject="Offer", text="A long story", **changes)
        assert letter_of_alice.problems == [problem]
        assert letter_of_alice.fields["text"] == ["A long story"]
        assert not Email.objects.exists()


def test_a_file_survives_a_mistake_elsewhere(letter_of_alice: Letter) -> None:
    letter_of_alice.press("save", [("plan.txt", b"The plan")], to="dora@")
    assert letter_of_alice.files == ["plan.txt"]
    draft = letter_of_alice.save(to="dora@them.test")
    assert [one.file_name for one in draft.attachments.all()] == ["plan.txt"]


def test_files_that_may_not_go_out_are_named_with_the_limit(letter_of_alice: Letter) -> None:  # 5.19
    Organization.objects.update_or_create(
        pk=1, defaults={"overrides": {"max_upload_file_size": 200_000, "maximum_message_size": 300_000}}
    )
    letter_of_alice.press("save", [("big.pdf", b"x" * 250_000), ("run.exe", b"x"), ("fine.txt", b"x")])
    assert letter_of_alice.problems == [
        "“big.pdf” was not attached. It has 0.2 MB; at most 0.2 MB are taken per file.",
        "“run.exe” was not attached. Files that end in .exe are blocked, because they can do harm when they are opened.",
    ]
    assert letter_of_alice.files == ["fine.txt"]
    letter_of_alice.press("save", [("a.txt", b"a" * 190_000), ("b.txt", b"b" * 190_000)])
    assert "All files together are too large" in letter_of_alice.problems[0]


def test_a_file_that_is_named_twice_goes_along_once(letter_of_alice: Letter) -> None:
    letter_of_alice.press("save", [("plan.txt", b"The plan")], to="dora@")
    again = Letter(letter_of_alice.client, "/mail/new/").press("save", [("plan.txt", b"The plan")], to="dora@")
    words = letter_of_alice.fields["file"] * 2 + again.fields["file"]
    draft = letter_of_alice.save(to="dora@them.test", file=words)
    assert [one.file_name for one in draft.attachments.all()] == ["plan.txt"]


def test_more_files_than_an_email_may_have_are_named_and_the_others_stay(
    letter_of_alice: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose_files, "MOST", 2)
    letter_of_alice.press("save", [(f"{name}.txt", name.encode()) for name in "abc"])
    assert letter_of_alice.problems == ["“c.txt” was not attached. An email has at most 2 files."]
    assert letter_of_alice.files == ["a.txt", "b.txt"]
    assert Blob.objects.count() == 2  # what is not kept is not stored
    monkeypatch.setattr(compose_files, "MOST", 1)
    letter_of_alice.press("save")
    assert letter_of_alice.problems == ["There are 2 files; an email has at most 1. Take some out."]
    assert letter_of_alice.files == ["a.txt", "b.txt"]


def test_a_large_upload_is_refused_before_it_is_read(
    letter_of_alice: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:  # 5.19
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"maximum_message_size": 300_000}})
    letter_of_alice.press("save", [("a.txt", b"a" * 190_000)], to="dora@")
    read: list[str] = []
    monkeypatch.setattr(compose_files, "read", lambda key: read.append(key) or storage.read(key))
    letter_of_alice.press("save", [("b.txt", b"b" * 190_000)])
    assert letter_of_alice.problems[-1].startswith("“b.txt” was not attached. All files together are too large: 0.5 MB")
    assert (letter_of_alice.files, len(read), Blob.objects.count()) == (["a.txt"], 1, 1)
    Organization.objects.update(overrides={"maximum_message_size": 200_000})
    letter_of_alice.press("save", to="dora@them.test")
    assert letter_of_alice.problems[0].startswith("All files together are too large: 0.2 MB")
    assert (letter_of_alice.files, len(read)) == (["a.txt"], 1)  # none was read, none is lost


def test_a_file_of_somebody_else_cannot_be_named(alices: Mailbox) -> None:
    draft = Letter(browser_of(alices), "/mail/new/").save([("secret.txt", b"secret")])
    word = Letter(browser_of(alices), f"/mail/{draft.pk}/edit/").fields["file"]
    bobs = Letter(browser_of(Mailbox.objects.get(name="Bob")), "/mail/new/")
    bobs.press("save", file=word)
    assert bobs.problems == ["A file of this email is not here any more. Choose it again."]
    assert Blob.objects.count() == 1


def test_a_name_that_only_one_bears_is_looked_up(letter_of_alice: Letter) -> None:
    draft = letter_of_alice.save(to='dora; Bob, "Dean, D." <d@them.test>\nALICE@us.test')
    assert draft.to_recipients == "dean@them.test; bob@us.test; d@them.test; ALICE@us.test"
    typed = 'Dora Dean <dean@them.test>, Bob <bob@us.test>, "Dean, D." <d@them.test>, ALICE@us.test'
    assert letter_of_alice.fields["to"] == [typed]


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20).map(str.strip)


@given(st.lists(st.builds(Address, names, st.sampled_from(["a@b.test", "ö@ü.test", "c.d+e@f.test"])), max_size=3))
def test_what_stands_in_the_field_is_read_back(people: list[Address]) -> None:
    once = list({one.key: one for one in people}.values())
    found, problems = read_people(as_typed(once), get_user_model()())
    assert problems == []
    assert [one.address for one in found] == [one.address for one in once]


def test_of_several_records_one_is_chosen(letter_of_alice: Letter, alices: Mailbox) -> None:
    owner = alices.regarding_user
    first, second = (Case.objects.create(title="Broken", owner=owner) for _ in range(2))
    Account.objects.create(name="Broken Hill", owner=owner)
    letter_of_alice.press("save", regarding_name="broken")
    assert letter_of_alice.problems == ["Several records are called like “broken”. Choose one of them below."]
    assert sorted(one.key.split(":")[1] for one in letter_of_alice.answer.context["form"].candidates) == sorted(
        [str(first.pk), str(second.pk)]
    )
    chosen = letter_of_alice.answer.context["form"].candidates[1].key
    assert str(letter_of_alice.save(chosen=chosen).regarding_id) == chosen.split(":")[1]


def test_a_record_that_she_may_not_see_stays_where_it_is(alices: Mailbox) -> None:
    secret = Case.objects.create(title="Takeover")
    email = kept(alices, letter("dora@them.test", "alice@us.test", "Hello", "x"))
    email.regarding, email.regarding_name, email.owner = secret, "Takeover", alices.regarding_user
    email.save()
    reply = Letter(browser_of(alices), f"/mail/{email.pk}/reply/")
    draft = reply.save()
    assert draft.regarding == secret
    assert reply.save(subject="Changed").regarding == secret
    assert reply.save(regarding_name="").regarding is None


def test_what_was_changed_meanwhile_is_not_replaced_unasked(alices: Mailbox) -> None:
    draft = Letter(browser_of(alices), "/mail/new/").save(text="First")
    one, other = (Letter(browser_of(alices), f"/mail/{draft.pk}/edit/") for _ in range(2))
    one.save(text="Second")
    other.press("save", text="Third")
    assert "was changed since you opened it" in other.problems[0]
    assert Email.objects.get().description == "Second"
    other.save()
    assert Email.objects.get().description == "Third"


def test_a_button_that_is_pressed_twice_writes_one_email(alices: Mailbox) -> None:
    new = Letter(browser_of(alices), "/mail/new/")
    data = {**new.fields, "to": "dora@them.test", "do": "send"}
    answers = [new.client.post("/mail/new/", data) for _ in range(2)]
    assert {answer.headers["Location"] for answer in answers} == {f"/mailbox/email/{Email.objects.get().pk}/"}


def test_the_id_of_somebody_elses_email_is_of_no_use(alices: Mailbox) -> None:
    bobs = Mailbox.objects.get(name="Bob")
    theirs = write_draft(NewEmail(bobs, [], "Theirs"), timezone.now(), bobs.regarding_user)
    new = Letter(browser_of(alices), "/mail/new/")
    assert new.client.post("/mail/new/", {**new.fields, "id": str(theirs.pk), "do": "save"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.subject == "Theirs"


def test_what_stands_in_the_way_of_sending_is_told_and_the_draft_kept(letter_of_alice: Letter) -> None:  # 7.7
    Contact.objects.update(do_not_email=True)
    letter_of_alice.press("send", to="dean@them.test", subject="Offer", text="x")
    said = [str(one) for one in letter_of_alice.answer.context["messages"]]
    assert said[0] == "It was saved as a draft and not sent."
    assert "Dora Dean must not be sent email" in said[1]
    assert Email.objects.get().status_code == EmailStatus.DRAFT


def test_what_is_active_in_html_is_left_out(letter_of_alice: Letter) -> None:
    evil = '<p onclick="x()">Hi<script>x()</script><a href="javascript:x()">y</a><img src=x onerror=x()></p>'
    draft = letter_of_alice.save(format="html", html=evil)
    assert (draft.mime_type, "x()" in draft.description) == ("text/html", False)
    letter_of_alice.press("save", html=evil, to="@")
    assert "x()" not in letter_of_alice.fields["html"][0]


def test_what_was_not_sent_yet_cannot_be_answered(alices: Mailbox) -> None:
    draft = Letter(browser_of(alices), "/mail/new/").save(subject="Offer")
    assert browser_of(alices).get(f"/mail/{draft.pk}/reply/").status_code == 404
    page = browser_of(alices).get(f"/mailbox/email/{draft.pk}/").content.decode()
    assert "Open the draft" in page
    assert "Reply" not in page


def test_a_person_without_a_mailbox_is_told_what_helps(db: None) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_user("nobody", "", "x"))
    page = client.get("/mail/new/")
    assert "Ask an administrator to set up your mailbox" in page.content.decode()


# What a name may mean, for fields that look it up while somebody types.


def suggested(client: Client, what: str, words: str) -> list[str]:
    return [one["value"] for one in json.loads(client.get(f"/mail/{what}/", {"q": words}).content)["found"]]


def test_suggestions_show_each_person_only_what_they_may_see(alices: Mailbox) -> None:  # 12.1
    client = browser_of(alices)
    assert suggested(client, "people", "dora") == ["Dora Dean <dean@them.test>"]
    assert suggested(client, "people", "bob") == ["Bob <bob@us.test>"]
    assert suggested(client, "records", "dora") == ["Dora Dean (Contact)"]
    assert suggested(client, "people", "") == []
    bobs = browser_of(Mailbox.objects.get(name="Bob"))
    assert suggested(bobs, "people", "dora") == ["Dora Duck <duck@them.test>"]
    administrator = Client()
    administrator.force_login(get_user_model().objects.create_superuser("root", "root@us.test", "x"))
    assert len(suggested(administrator, "records", "dora")) == 2


def test_a_member_of_the_queue_looks_and_its_owner_changes_what_others_wrote(db: None) -> None:
    office: Office = open_office()
    other = mailbox("Carl", profile("Another")).regarding_user
    QueueMember.objects.create(queue=office.supports.regarding_queue, user=other)
    draft = write_draft(NewEmail(office.supports, [], "From us"), timezone.now(), other)
    address = reverse("compose:edit", args=[draft.pk])
    found = {name: office.browsers[name].get(address).status_code for name in ("alice", "mia", "charlie", "superuser")}
    assert found == {"alice": 200, "mia": 403, "charlie": 404, "superuser": 404}
