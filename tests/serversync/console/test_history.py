"""Who changed what people set, when, from what to what: on a page of each thing, and in one list; never a secret."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes import switching
from mailboxes.models import Leg, Mailbox, Organization, Queue
from profiles import history
from profiles.models import EmailServerProfile
from tests.serversync.console.people import PASSWORD, mailbox, profile
from tests.serversync.console.roles import open_office
from tests.serversync.console.test_bulk_settings import ask, form_of
from tracking.models import MailboxTrackingFolder, TrackingExclusion

LIST = "admin:auditlog_logentry_changelist"


def past(row: Model) -> list[tuple[str, str, str, str, str]]:
    """The history of a row, newest first: who, what, field, before, after."""
    return [
        (history.who(entry), history.what_happened(entry), line.label, line.before, line.after)
        for entry in history.entries_of(type(row), str(row.pk))
        for line in history.lines(entry)
    ]


def page_of(client: Client, row: Model) -> str:
    meta = row._meta
    return client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[row.pk])).content.decode()


def test_a_changed_mailbox_shows_who_and_both_values(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    address = reverse("admin:mailboxes_mailbox_change", args=[bobs.pk])
    alice.post(address, {**form_of(alice, address), "outgoing_email_delivery_method": "0"})
    assert past(bobs)[0] == ("ada", "changed", "Outgoing email", "Server-side synchronization", "None")
    page = page_of(alice, bobs)
    for words in ("ada", "Outgoing email", "<del>Server-side synchronization</del>", "<ins>None</ins>"):
        assert words in page


@pytest.mark.parametrize(
    ("before", "after", "said"), [("", "new", "set"), ("old", "new", "replaced"), ("old", "", "cleared")]
)
def test_of_a_secret_only_that_it_was_changed(alice: Client, before: str, after: str, said: str) -> None:
    made = profile()
    made.incoming_password = before
    made.save()
    made.incoming_password = after  # not sealed yet when it is compared
    made.save()
    assert past(made)[0][2:] == ("Incoming password", "", said)
    page = page_of(alice, made)
    kept = str(list(LogEntry.objects.values_list("changes", "changes_text", "serialized_data")))
    for secret in (PASSWORD, "f1:tests", '"old"', '"new"', "'old'", "'new'", ">new<", ">old<"):
        assert secret not in page
        assert secret not in kept


def test_a_secret_that_stays_is_no_change(alice: Client) -> None:
    made = profile()
    again = EmailServerProfile.objects.get(pk=made.pk)
    again.description = "x"
    again.save()
    assert past(made)[0][2] == "Description"
    assert "Incoming password" not in [line[2] for line in past(made) if line[1] == "changed"]


def test_settings_are_shown_one_by_one(alice: Client) -> None:
    row = Organization.objects.create(overrides={"self_approval": True, "item_attempts": 7})
    address = reverse("admin:mailboxes_organization_change", args=[1])
    alice.post(address, {**form_of(alice, address), "self_approval": "", "smart_matching_days": "30"})
    assert past(row)[:2] == [
        ("ada", "changed", "Look back", "default", "30 days"),
        ("ada", "changed", "Users may approve their own address", "on", "default"),
    ]
    assert "Attempts to track one message" not in page_of(alice, row).split("Created")[0]


def test_what_is_done_to_many_at_once_is_recorded_for_each(alice: Client) -> None:
    bobs, charlies = mailbox("Bob", profile()), mailbox("Charlie", profile("Branch"))
    Mailbox.objects.update(email_router_access_approval=2)
    for action in ("approve", "deactivate"):
        alice.post("/mailboxes/mailbox/", {"action": action, "_selected_action": [str(bobs.pk), str(charlies.pk)]})
    for one in (bobs, charlies):
        said = {line[2:] for line in past(one) if line[:2] == ("ada", "changed")}
        assert ("State", "Active", "Inactive") in said
        assert ("Address approval", "Pending approval", "Approved") in said
    ask(alice, "set_profile", bobs, charlies, profile=str(EmailServerProfile.objects.get(name="Branch").pk))
    assert past(bobs)[0] == ("ada", "changed", "Email server profile", "Headquarters", "Branch")
    assert past(charlies)[0][2] != "Email server profile"  # it was that already


def test_a_taken_over_address_is_recorded_on_both_sides(alice: Client) -> None:
    bobs, support = mailbox("Bob", profile()), Queue.objects.create(name="Support", email_address="support@us.test")
    address = reverse("admin:mailboxes_queue_change", args=[support.pk])
    alice.post(address, {**form_of(alice, address), "email_address": "bob@us.test", "take_over": str(bobs.pk)})
    assert ("ada", "changed", "Email address", "bob@us.test", "–") in past(bobs)
    assert ("ada", "changed", "Email address", "support@us.test", "bob@us.test") in past(support.mailbox)


def test_members_of_a_queue_are_part_of_its_history(alice: Client) -> None:
    support = Queue.objects.create(name="Support")
    bob = mailbox("Bob").regarding_user
    address = reverse("admin:mailboxes_queue_change", args=[support.pk])
    added = {"queuemember_set-TOTAL_FORMS": "1", "queuemember_set-0-user": str(bob.pk), "queuemember_set-0-queue": ""}
    alice.post(address, {**form_of(alice, address), **added, "queuemember_set-0-queue": str(support.pk)})
    assert past(support)[0] == ("ada", "changed", "Members", "–", "bob")


def test_configuring_from_a_file_is_recorded_as_configure(db: None, tmp_path: Path) -> None:
    file = tmp_path / "us.toml"
    file.write_text('[organization]\nitem_attempts = 8\n[[queues]]\nname = "Support"\n[[users]]\nusername = "dave"\n')
    call_command("configure", file, stdout=io.StringIO())
    file.write_text(
        '[organization]\nitem_attempts = 9\n[[users]]\nusername = "dave"\n'
        '[[queues]]\nname = "Support"\nmembers = ["dave"]\ndescription = "Help"\n'
    )
    call_command("configure", file, stdout=io.StringIO())
    assert past(Organization.objects.get())[0] == ("configure", "changed", "Attempts to track one message", "8", "9")
    said = past(Queue.objects.get())
    assert ("configure", "changed", "Members", "–", "dave") in said
    assert ("configure", "changed", "Description", "–", "Help") in said
    assert {line[0] for line in past(Mailbox.objects.get(regarding_user__username="dave"))} == {"configure"}


def test_a_file_that_is_only_checked_leaves_no_trace(db: None, tmp_path: Path) -> None:
    file = tmp_path / "us.toml"
    file.write_text("[organization]\nitem_attempts = 8\n")
    call_command("configure", file, check=True, stdout=io.StringIO())
    assert not LogEntry.objects.exists()


def test_folder_rules_exclusions_and_user_settings_are_kept_too(alice: Client) -> None:
    bobs = mailbox("Bob")
    rule = MailboxTrackingFolder.objects.create(mailbox=bobs, exchange_folder_id="f", exchange_folder_name="Deals")
    rule.exchange_folder_name = "Sales"
    rule.save()
    exclusion = TrackingExclusion.objects.create(kind=1, value="shop.test", created_on=timezone.now())
    settings = bobs.regarding_user.sync_settings
    settings.incoming_email_filtering_method = 0
    settings.save()
    assert past(rule)[0] == ("the service", "changed", "Exchange folder name", "Deals", "Sales")
    assert ("the service", "created", "Value", "–", "shop.test") in past(exclusion)
    assert past(settings)[0][2:] == (
        "Track",
        "Email messages in response to our email",
        "All email messages",
    )
    number = exclusion.pk
    exclusion.delete()
    assert history.what_happened(history.entries_of(TrackingExclusion, str(number))[0]) == "deleted"


def test_what_the_service_writes_is_not_recorded(db: None) -> None:
    bobs, now = mailbox("Bob", profile()), timezone.now()
    count = LogEntry.objects.count()
    EmailServerProfile.objects.update(last_test_start_time=now)
    of = EmailServerProfile.objects.get()
    of.last_test_execution_status, of.last_email_alert_on = 0, now
    of.save()
    switching.enable(Mailbox.objects.all(), Leg, now)
    leg = bobs.legs.first()
    leg.last_error = "x"
    leg.save()
    bobs.regarding_user.sync_settings.save()
    Organization.objects.create(instance_id="x")
    made = LogEntry.objects.count()
    row = Organization.objects.get()
    row.held_on = now
    row.save()
    assert (made - count, LogEntry.objects.count() - made) == (1, 0)  # the organization's row itself


def test_the_name_of_who_did_it_outlives_the_account(alice: Client) -> None:
    bobs = mailbox("Bob")
    ada = get_user_model().objects.get(username="ada")
    with history.acting(ada):
        switching.deactivate(Mailbox.objects.filter(pk=bobs.pk))
    ada.delete()
    entry = history.entries_of(Mailbox, str(bobs.pk))[0]
    assert (history.who(entry), entry.actor) == ("ada", None)


def test_outside_nobody_acts_and_inside_one_another(db: None) -> None:
    def by() -> str:
        Organization.objects.update_or_create(pk=1, defaults={"name": f"N{LogEntry.objects.count()}"})
        return history.who(LogEntry.objects.order_by("-pk")[0])

    with history.acting("outer"):
        with history.acting("inner"):
            assert by() == "inner"
        assert by() == "outer"
    assert by() == "the service"


# The one list


@pytest.fixture
def changes(db: None) -> Any:
    """Everybody's browser, and changes of a profile, a mailbox, a queue."""
    office = open_office()
    with history.acting(office.people["administrator"]):
        switching.deactivate(Mailbox.objects.filter(pk=office.bobs.pk))
    return office


def listed(client: Client, **filters: Any) -> list[LogEntry]:
    return list(client.get(reverse(LIST), filters).context["cl"].result_list)


def test_the_list_is_filtered_by_kind_action_and_person(changes: Any) -> None:
    client = changes.browsers["superuser"]
    kinds = {entry.content_type.model for entry in listed(client)}
    assert {"emailserverprofile", "mailbox", "queue", "usersettings"} <= kinds
    queues = [entry for entry in listed(client) if entry.content_type.model == "queue"]
    assert listed(client, kind=queues[0].content_type_id) == queues
    person = changes.people["administrator"]
    (found,) = listed(client, actor__id__exact=person.pk)
    assert (found.object_repr, history.who(found)) == ("Bob", "administrator")
    assert {history.what_happened(entry) for entry in listed(client, what="created")} == {"created"}
    assert {entry.object_repr for entry in listed(client, q="bob")} >= {"Bob"}
    page = client.get(reverse(LIST)).content.decode()
    assert "<del>Active</del>" in page
    assert f'href="{reverse("admin:mailboxes_mailbox_change", args=[changes.bobs.pk])}"' in page


def test_who_may_not_look_at_a_thing_does_not_see_what_became_of_it(changes: Any) -> None:
    for role in ("approver", "auditor"):
        client = changes.browsers[role]
        assert {entry.content_type.model for entry in listed(client)} == {"mailbox"}
        of_a_queue = history.entries_of(Queue, str(changes.supports.regarding_queue_id))[0]
        hidden = client.get(reverse("admin:auditlog_logentry_change", args=[of_a_queue.pk]))
        assert hidden.status_code == 302  # as if there were none
    assert changes.browsers["charlie"].get(reverse(LIST)).status_code == 302


def test_the_list_costs_the_same_for_many_entries(changes: Any, django_assert_max_num_queries: Any) -> None:
    with history.acting("configure"):
        for number in range(60):
            switching.deactivate(Mailbox.objects.all()) if number % 2 else switching.activate(
                Mailbox.objects.all(), timezone.now()
            )
    changes.browsers["superuser"].get(reverse(LIST))
    with django_assert_max_num_queries(20):
        changes.browsers["superuser"].get(reverse(LIST))
