"""Alice chooses her folders on her page: the tree comes from the server, a rule is previewed, saved, changed and ended (9)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, Queue
from serversync import tasks
from serversync.cycles import hierarchy
from serversync.schedule import something_is_due
from tests.company import Company, decide, receive
from tests.filing import one_cycle
from tests.letters import letter
from tests.world import SandboxProcess
from tracking.crm.models import Account, Email
from tracking.keep.hierarchies import request_tree, take_request
from tracking.models import FolderHierarchy, MailboxTrackingFolder

ALICE = "alice@us.test"
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(company: Company) -> Mailbox:
    """Alice on Exchange, with Inbox/Customers/Acme and two messages in it."""
    found = company.user("Alice", company.exchange_profile(), takes=IncomingFilter.RESPONSES_TO_OUR_MAIL)
    company.sandbox.folder(ALICE, "Customers", "inbox")
    company.sandbox.folder(ALICE, "Acme", "Inbox/Customers")
    for number in range(2):
        raw = letter("dora@acme.test", ALICE, f"Offer {number}", "Dear Alice")
        company.sandbox.deliver(ALICE, raw, folder="Inbox/Customers/Acme")
    return found


@pytest.fixture
def acme(alice: Mailbox) -> Account:
    return Account.objects.create(name="Acme Pumps", owner=alice.regarding_user)


@pytest.fixture
def browser(alice: Mailbox) -> Client:
    return as_user(alice)


def as_user(mailbox: Mailbox) -> Client:
    client = Client()
    client.force_login(mailbox.regarding_user)
    return client


def fetched(mailbox: Mailbox) -> None:
    """The tree is there."""
    request_tree(mailbox, timezone.now())
    assert hierarchy.fetch_next(timezone.now)


def page(mailbox: Mailbox, name: str = "") -> str:
    return f"/mailbox/mine/{mailbox.pk}/folders/{name}"


def key_of(mailbox: Mailbox, path: str) -> str:
    folders = FolderHierarchy.objects.get(pk=mailbox.pk).folders
    return str(next(one["key"] for one in folders if one["path"] == path))


def choice(record: Account) -> str:
    return f"{ContentType.objects.get_for_model(record).pk}:{record.pk}"


def track(client: Client, mailbox: Mailbox, path: str, record: str = "none", **more: str) -> None:
    """Track a folder through the page."""
    given = {"folder": key_of(mailbox, path), "record": record, "do": "save", **more}
    answer = client.post(page(mailbox, "rule/"), given)
    assert answer.status_code == 302, answer.content.decode()


def test_the_folders_come_when_alice_asks_for_them(alice: Mailbox, browser: Client) -> None:
    assert "have not been fetched yet" in browser.get(page(alice)).content.decode()
    browser.post(page(alice, "fetch/"))
    assert something_is_due(timezone.now())
    assert "being asked" in browser.get(page(alice, "status/")).content.decode()
    assert hierarchy.fetch_next(timezone.now)
    assert not hierarchy.fetch_next(timezone.now)
    assert browser.get(page(alice, "status/")).headers["HX-Refresh"] == "true"
    shown = browser.get(page(alice)).content.decode()
    assert "Acme" in shown
    assert "2 messages" in shown
    assert "The Inbox itself is read by the filter" in shown  # 9.2


def test_the_worker_answers_with_its_next_drain(alice: Mailbox) -> None:
    request_tree(alice, timezone.now())
    tasks.drain()
    cached = FolderHierarchy.objects.get()
    assert cached.fetched_on is not None
    assert cached.requested_on is None
    assert "Inbox/Customers/Acme" in {one["path"] for one in cached.folders}


def test_when_the_server_does_not_answer_the_old_folders_stay_with_the_reason(
    alice: Mailbox, browser: Client, sandbox: SandboxProcess
) -> None:
    fetched(alice)
    sandbox.fault(face="ews", effect="status", status=500)
    fetched(alice)
    sandbox.clear_faults()
    shown = browser.get(page(alice)).content.decode()
    assert "The last attempt failed" in shown
    assert "Acme" in shown
    assert FolderHierarchy.objects.get().requested_on is None


def test_a_request_whose_worker_died_is_taken_again(alice: Mailbox) -> None:
    now = timezone.now()
    request_tree(alice, now)
    assert take_request(now) is not None
    assert take_request(now) is None
    assert take_request(now + timedelta(minutes=1)) is not None


def test_a_preview_says_what_saving_would_do_and_changes_nothing(
    alice: Mailbox, browser: Client, acme: Account
) -> None:
    fetched(alice)
    given = {"folder": key_of(alice, "Inbox/Customers/Acme"), "record": choice(acme), "do": "preview"}
    answer = browser.post(page(alice, "rule/"), given)
    seen = answer.context["preview"]
    assert (seen.total, seen.newly, seen.filed, seen.kept) == (2, 2, 0, 0)
    assert "Acme Pumps" in answer.content.decode()
    assert not MailboxTrackingFolder.objects.exists()


def test_what_lies_in_a_tracked_folder_is_tracked_and_belongs_to_its_record(
    alice: Mailbox, browser: Client, acme: Account
) -> None:
    fetched(alice)
    track(browser, alice, "Inbox/Customers/Acme", choice(acme))
    receive(alice)
    assert {email.regarding_name for email in Email.objects.all()} == {"Acme Pumps"}
    assert Email.objects.count() == 2
    shown = browser.get(page(alice)).content.decode()
    assert "All that lay in it has been taken in: 2 messages" in shown
    assert "Inbox/Customers/Acme" in browser.get("/mailbox/").content.decode()


def test_the_page_tells_how_far_the_folder_has_been_taken_in(alice: Mailbox, browser: Client, acme: Account) -> None:
    """9.3: it asks by itself, and stops when all is done."""
    decide(folder_onboarding_per_cycle=1)
    fetched(alice)
    track(browser, alice, "Inbox/Customers/Acme", choice(acme))
    told = []
    for _ in range(3):
        shown = browser.get(page(alice, "progress/")).content.decode()
        told.append(("every 2s" in shown, "1 of 2 messages taken in" in shown, "taken in: 2 messages" in shown))
        one_cycle(alice)
    assert told == [(True, False, False), (True, True, False), (False, False, True)]
    assert "every 2s" not in browser.get(page(alice)).content.decode()


def test_a_rule_with_subfolders_covers_what_is_below(alice: Mailbox, browser: Client) -> None:
    fetched(alice)
    track(browser, alice, "Inbox/Customers", subfolders="yes")
    assert "tracked with Inbox/Customers" in browser.get(page(alice)).content.decode()
    receive(alice)
    assert Email.objects.count() == 2


def test_who_ends_the_rule_of_a_subfolder_learns_which_rule_follows(
    alice: Mailbox, browser: Client, acme: Account
) -> None:
    """9.2, 9.5"""
    fetched(alice)
    track(browser, alice, "Inbox/Customers", choice(acme), subfolders="yes")
    track(browser, alice, "Inbox/Customers/Acme")
    nearer = MailboxTrackingFolder.objects.get(exchange_folder_id=key_of(alice, "Inbox/Customers/Acme"))
    assert "follows to Acme Pumps" in browser.get(page(alice, "rule/"), {"rule": nearer.pk}).content.decode()
    answer = browser.post(page(alice, "rule/"), {"rule": nearer.pk, "do": "delete"}, follow=True)
    assert "It is tracked with Inbox/Customers from the next run on." in answer.content.decode()


def test_the_rule_is_changed_and_ended_and_the_mail_stays(alice: Mailbox, browser: Client, acme: Account) -> None:
    fetched(alice)
    track(browser, alice, "Inbox/Customers/Acme")
    receive(alice)
    rule = MailboxTrackingFolder.objects.get()
    browser.post(page(alice, "rule/"), {"rule": rule.pk, "record": choice(acme), "do": "save"})
    receive(alice)
    assert {email.regarding_name for email in Email.objects.all()} == {"Acme Pumps"}  # 9.5
    form = browser.get(page(alice, "rule/"), {"rule": rule.pk}).content.decode()
    assert "The 2 messages tracked from it stay tracked and stay with their record." in form
    browser.post(page(alice, "rule/"), {"rule": rule.pk, "do": "delete"})
    assert not MailboxTrackingFolder.objects.exists()
    assert Email.objects.count() == 2


def test_folders_that_cannot_be_tracked_are_refused_with_the_reason(alice: Mailbox, browser: Client) -> None:
    fetched(alice)
    for do in ("preview", "save"):
        answer = browser.post(page(alice, "rule/"), {"folder": key_of(alice, "Inbox"), "record": "none", "do": do})
        assert answer.status_code == 422
        assert "The Inbox itself is read by the filter" in answer.content.decode()


def test_at_most_so_many_folders(alice: Mailbox, browser: Client) -> None:
    decide(maximum_tracking_folders=1)
    fetched(alice)
    track(browser, alice, "Inbox/Customers/Acme")
    given = {"folder": key_of(alice, "Inbox/Customers"), "record": "none", "do": "save"}
    answer = browser.post(page(alice, "rule/"), given)
    assert "A mailbox may have 1 tracked folders at most" in answer.content.decode()  # 9.1
    assert MailboxTrackingFolder.objects.count() == 1


def test_a_record_that_alice_may_not_see_cannot_be_chosen(alice: Mailbox, browser: Client) -> None:
    fetched(alice)
    foreign = Account.objects.create(name="Foreign")
    given = {"folder": key_of(alice, "Inbox/Customers"), "record": choice(foreign), "do": "save"}
    assert browser.post(page(alice, "rule/"), given).status_code == 404
    assert not MailboxTrackingFolder.objects.exists()


def test_a_new_folder_is_made_on_the_server(alice: Mailbox, browser: Client, sandbox: SandboxProcess) -> None:
    fetched(alice)
    parent = key_of(alice, "Inbox/Customers")
    answer = browser.post(page(alice, "new/"), {"parent": parent, "name": "Bolt"})
    assert "Inbox/Customers/Bolt" in {one["path"] for one in sandbox.folders(ALICE)}
    assert quote(key_of(alice, "Inbox/Customers/Bolt"), safe="") in answer.headers["Location"]
    again = browser.post(page(alice, "new/"), {"parent": parent, "name": "Bolt"}, follow=True)
    assert "The folder was not created" in again.content.decode()
    assert "Enter a name" in browser.post(page(alice, "new/"), {"name": " "}, follow=True).content.decode()


def test_after_a_restore_alice_says_which_folder_it_is(
    alice: Mailbox, browser: Client, acme: Account, sandbox: SandboxProcess
) -> None:
    fetched(alice)
    track(browser, alice, "Inbox/Customers/Acme", choice(acme))
    receive(alice)
    sandbox.restore(ALICE)
    for _ in range(2):
        receive(alice)
    rule = MailboxTrackingFolder.objects.get()
    assert rule.suggested_folder_id
    assert "Is it the same one?" in browser.get(page(alice)).content.decode()
    browser.post(page(alice, "rule/"), {"rule": rule.pk, "do": "confirm"})
    receive(alice)
    rule.refresh_from_db()
    assert rule.invalid_reason == ""
    assert Email.objects.count() == 2


def test_alice_says_that_it_is_another_folder(alice: Mailbox, browser: Client, sandbox: SandboxProcess) -> None:
    fetched(alice)
    track(browser, alice, "Inbox/Customers/Acme")
    receive(alice)
    sandbox.restore(ALICE)
    for _ in range(2):
        receive(alice)
    rule = MailboxTrackingFolder.objects.get()
    answer = browser.post(page(alice, "rule/"), {"rule": rule.pk, "do": "decline"}, follow=True)
    assert 'name="other_folder"' in answer.content.decode()
    new = key_of(alice, "Inbox/Customers")
    browser.post(page(alice, "rule/"), {"rule": rule.pk, "do": "save", "record": "keep", "other_folder": new})
    rule.refresh_from_db()
    assert (rule.exchange_folder_id, rule.folder_path, rule.invalid_reason) == (new, "Inbox/Customers", "")


def test_a_queues_owner_chooses_its_folders_and_bob_does_not(company: Company, alice: Mailbox) -> None:
    support = company.queue("Support", company.exchange_profile())
    bob = company.user("Bob", company.exchange_profile())
    Queue.objects.update(owner=alice.regarding_user)
    company.sandbox.folder("support@us.test", "Returns")
    fetched(support)
    track(as_user(alice), support, "Returns")
    assert "Returns" in as_user(alice).get(page(support)).content.decode()
    assert as_user(bob).get(page(support)).status_code == 404


def test_a_pop3_mailbox_has_no_folders_and_says_so(company: Company) -> None:
    charlie = company.user("Charlie", company.pop3_profile())
    client = as_user(charlie)
    assert "Folders can be tracked on Exchange only" in client.get(page(charlie)).content.decode()  # 9.1
    client.post(page(charlie, "fetch/"))
    assert not FolderHierarchy.objects.exists()


def test_an_administrator_saves_a_rule_by_its_id_with_the_same_checks(alice: Mailbox, acme: Account) -> None:
    user = alice.regarding_user
    user.is_staff = user.is_superuser = True
    user.save()
    client, add = as_user(alice), "/tracking/mailboxtrackingfolder/add/"
    kind, _, key = choice(acme).partition(":")
    given = {"mailbox": alice.pk, "exchange_folder_id": "nowhere", "regarding_type": kind, "regarding_id": key}
    fetched(alice)
    assert "There is no such folder" in client.post(add, given).content.decode()
    good = given | {"exchange_folder_id": key_of(alice, "Inbox/Customers/Acme")}
    assert "enter both, or neither" in client.post(add, good | {"regarding_id": ""}).content.decode()
    assert client.post(add, good).status_code == 302
    rule = MailboxTrackingFolder.objects.get()
    assert (rule.folder_path, rule.regarding_name, rule.created_by) == ("Inbox/Customers/Acme", "Acme Pumps", user)
    assert "Not yet" in client.get("/tracking/mailboxtrackingfolder/?followed=yes&q=acme").content.decode()
    assert client.post(f"/tracking/mailboxtrackingfolder/{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not MailboxTrackingFolder.objects.exists()


def test_somebody_who_may_only_look_sees_the_folders_and_changes_nothing(company: Company, alice: Mailbox) -> None:
    auditor = company.user("Charlie", company.exchange_profile()).regarding_user
    auditor.is_staff = True
    auditor.save()
    names = ("view_mailbox", "view_mailboxtrackingfolder", "view_folderhierarchy")
    auditor.user_permissions.set(Permission.objects.filter(codename__in=names))
    client, console = Client(), f"/mailbox/{alice.pk}/folders/"
    client.force_login(auditor)
    fetched(alice)
    shown = client.get(console).content.decode()
    assert "Acme" in shown
    assert "Track this folder" not in shown
    given = {"folder": key_of(alice, "Inbox/Customers/Acme"), "record": "none"}
    for do in ("preview", "save", "delete"):
        assert client.post(console + "rule/", given | {"do": do}).status_code == 403
    assert client.post(console + "new/", {"name": "Bolt"}).status_code == 403
    assert not MailboxTrackingFolder.objects.exists()


def test_a_preview_without_a_server_says_so_and_the_rule_can_be_saved(
    alice: Mailbox, browser: Client, sandbox: SandboxProcess
) -> None:
    fetched(alice)
    sandbox.fault(face="ews", effect="status", status=500)
    given = {"folder": key_of(alice, "Inbox/Customers/Acme"), "record": "none", "do": "preview"}
    shown = browser.post(page(alice, "rule/"), given).content.decode()
    sandbox.clear_faults()
    assert "The server could not be asked what lies in the folder" in shown
    assert 'value="save"' in shown
