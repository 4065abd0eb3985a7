"""Every address of the product against every role. The addresses come from the resolver: a new one needs a line here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from django_q.models import Failure, Success

from mailboxes.models import (
    AddressEntry,
    AddressResolution,
    Mailbox,
    MailboxStatistics,
    Organization,
    Pause,
    QueueItem,
    TraceLevel,
    TraceLog,
)
from profiles import history
from tests.serversync.console.roles import ROLES, Office, browser
from tests.serversync.console.synchronized_rows import calendar_arguments, calendar_pages, of_calendar, synchronized
from tracking.crm.models import Account, Case, Contact, DomainEvent, Lead
from tracking.crm.writing import NewEmail, write_draft
from tracking.models import (
    MailboxTrackingFolder,
    Placement,
    SyncCursor,
    TrackingExclusion,
)

# One letter per role, in the order of ROLES: y yes, l sent to the login page, n refused, h hidden (there is no such page).
PAGES: dict[str, tuple[str, str]] = {
    "login": ("GET", "yyyyyyyy"),
    "logout": ("POST", "llllllll"),
    "owner:own": ("GET", "lyyyyyyy"),
    "owner:alerts": ("GET", "lyyyyyyy"),
    "owner:password": ("GET", "lyyyyyyy"),
    "owner:queue": ("GET", "lhyyhhhh"),
    "owner:own_folders": ("GET", "lyyyyyyy"),
    "owner:folders": ("GET", "lhynhhhh"),
    "owner:folder_status": ("GET", "lhynhhhh"),
    "owner:folder_progress": ("GET", "lhynhhhh"),
    "owner:fetch_folders": ("POST", "lhynhhhh"),
    "owner:new_folder": ("POST", "lhynhhhh"),
    "owner:folder_rule": ("GET", "lhynhhhh"),
    "owner:sync": ("POST", "lhynhhhh"),
    "owner:filter": ("POST", "lhynhhhh"),
    "owner:dry_run": ("POST", "lhynhhhh"),
    "owner:newcomers": ("POST", "lhnnhhhh"),  # a queue has its owner's choice
    "owner:send_as": ("POST", "lhnnhhhh"),  # a user's own consent; in a queue its people send
    "owner:credentials": ("POST", "lhynhhhh"),
    "owner:methods": ("POST", "lhnnhhhh"),  # not by this policy
    "owner:test": ("POST", "lhynhhhh"),
    "owner:approve": ("POST", "lhnnhhhh"),  # 3.6: never a queue's address
    "owner:decisions": ("GET", "lhyyhhhh"),
    "owner:explain": ("GET", "lhyyhhhh"),
    "owner:look": ("POST", "lhyyhhhh"),
    "owner:redo": ("POST", "lhynhhhh"),
    "owner:dismiss": ("POST", "lhynhhhh"),
    "owner:dismiss_all": ("POST", "lhynhhhh"),
    "owner:track": ("POST", "lhynhhhh"),
    "owner:never": ("POST", "lhynhhhh"),
    "owner:exclusion": ("POST", "lhynhhhh"),
    "owner:untrack_since": ("POST", "lhynhhhh"),
    "owner:untrack": ("GET", "lhynhhhn"),
    "owner:email": ("GET", "lhyyhhhy"),
    "owner:body": ("GET", "lhyyhhhy"),
    "owner:original": ("GET", "lhyyhhhy"),
    "owner:attachment": ("GET", "lhyyhhhy"),
    "owner:settle_delivery": ("POST", "lhynhhhn"),
    "owner:fetch_whole": ("POST", "lhynhhhn"),
    "owner:who": ("GET", "lhyyhhhn"),
    "owner:belonging": ("GET", "lhyyhhhn"),
    "owner:privacy": ("POST", "lhyyhhhn"),  # mail of a queue belongs to its people
    "compose:mine": ("GET", "lyyyyyyy"),
    "compose:people": ("GET", "lyyyyyyy"),
    "compose:records": ("GET", "lyyyyyyy"),
    "compose:new": ("GET", "lyyyyyyy"),
    "compose:reply": ("GET", "lhyyhhhy"),
    "compose:reply_all": ("GET", "lhyyhhhy"),
    "compose:forward": ("GET", "lhyyhhhy"),
    "compose:edit": ("GET", "lhynhhhh"),  # its writer and the owner of the queue, no member, no administrator
    "queues:mine": ("GET", "lyyyyyyy"),
    "queues:queue": ("GET", "lhyyhhhh"),
    "queues:work": ("POST", "lhyyhhhh"),
    "console:email": ("GET", "llllnnyy"),  # masked for the administrator
    "console:body": ("GET", "llllnnhy"),
    "console:original": ("GET", "llllnnhy"),
    "console:attachment": ("GET", "llllnnhy"),
    "console:settle_delivery": ("POST", "llllnnyy"),
    "console:who": ("GET", "llllnnhy"),
    "console:belonging": ("GET", "llllnnhy"),
    "console:untrack": ("GET", "llllnnhy"),
    "console:fetch_whole": ("POST", "llllnnyy"),
    "console:mailbox": ("GET", "llllyyyy"),
    "console:sync": ("POST", "llllnnyy"),
    "console:enable": ("POST", "llllnnyy"),
    "console:test": ("POST", "llllnnyy"),
    "console:count": ("POST", "llllnnyy"),
    "console:trials": ("GET", "llllyyyy"),
    "console:dry_run": ("GET", "llllnnyy"),
    "console:dry_run_queue": ("POST", "llllnnyy"),
    "console:dry_run_settings": ("POST", "llllnnyy"),
    "console:folders": ("GET", "llllnnyy"),
    "console:folder_status": ("GET", "llllnnyy"),
    "console:folder_progress": ("GET", "llllnnyy"),
    "console:fetch_folders": ("POST", "llllnnyy"),
    "console:new_folder": ("POST", "llllnnyy"),
    "console:folder_rule": ("GET", "llllnnyy"),
    "console:tests": ("GET", "llllyyyy"),
    "console:pause": ("GET", "llllnnyy"),
    "console:resume": ("POST", "llllnnyy"),
    "console:confirm_instance": ("GET", "llllnnyy"),
    "console:health": ("GET", "llllyyyy"),
    "console:healthz": ("GET", "yyyyyyyy"),
    "console:readyz": ("GET", "yyyyyyyy"),
    "console:why": ("GET", "llllnyyy"),
    "console:explain": ("GET", "llllnyyy"),
    "console:look": ("POST", "llllnnyy"),
    "console:decisions": ("GET", "llllnyyy"),
    "console:errors": ("GET", "lyyyyyyy"),
    "console:settings_help": ("GET", "lyyyyyyy"),
    "console:test_new_profile": ("POST", "llllnnyy"),
    "console:test_profile": ("POST", "llllnnyy"),
    **calendar_pages(),
    "admin:index": ("GET", "llllyyyy"),
    "admin:search": ("GET", "llllyyyy"),
    "admin:login": ("GET", "yyyyyyyy"),
    "admin:logout": ("POST", "llllllll"),
    "password_change": ("GET", "lyyyyyyy"),
    "admin:password_change": ("GET", "lyyyyyyy"),
    "admin:password_change_done": ("GET", "llllyyyy"),
    "admin:autocomplete": ("GET", "llllnnyy"),
    "admin:jsi18n": ("GET", "llllyyyy"),
    "admin:view_on_site": ("GET", "llllhhhh"),
    "admin:app_list": ("GET", "llllyyyy"),
    "admin:auth_user_password_change": ("GET", "llllnnyy"),
}
# For each model: who of approver, auditor, administrator and superuser may look, add and delete. All others: login page.
MODELS: dict[str, tuple[str, str, str]] = {
    "profiles_emailserverprofile": ("nnyy", "nnyy", "nnyy"),
    "mailboxes_mailbox": ("yyyy", "nnyy", "nnyy"),
    "mailboxes_tracelog": ("nyyy", "nnnn", "nnnn"),
    "mailboxes_mailboxstatistics": ("nyyy", "nnnn", "nnnn"),
    "mailboxes_addressentry": ("nnyy", "nnnn", "nnnn"),
    "mailboxes_addressresolution": ("nnyy", "nnnn", "nnyy"),
    "mailboxes_pause": ("nyyy", "nnnn", "nnnn"),
    "mailboxes_queue": ("nnyy", "nnyy", "nnyy"),
    "mailboxes_queueitem": ("nnyy", "nnnn", "nnyy"),
    "mailboxes_usersettings": ("nnyy", "nnyy", "nnyy"),
    "mailboxes_organization": ("nnyy", "nnnn", "nnnn"),
    "crm_account": ("nnyy", "nnyy", "nnyy"),
    "crm_contact": ("nnyy", "nnyy", "nnyy"),
    "crm_lead": ("nnyy", "nnyy", "nnyy"),
    "crm_case": ("nnyy", "nnyy", "nnyy"),
    "crm_email": ("nnyy", "nnnn", "nnnn"),
    "crm_domainevent": ("nnyy", "nnnn", "nnnn"),
    "tracking_ledgerrow": ("nyyy", "nnnn", "nnnn"),
    "tracking_placement": ("nyyy", "nnnn", "nnnn"),
    "tracking_synccursor": ("nnyy", "nnnn", "nnnn"),
    "tracking_trackingexclusion": ("nnyy", "nnyy", "nnyy"),
    "tracking_mailboxtrackingfolder": ("nnyy", "nnyy", "nnyy"),
    "tracking_exchangesyncidmapping": ("nnyy", "nnnn", "nnnn"),
    "tracking_syncconflict": ("nnyy", "nnnn", "nnnn"),
    "tracking_recycleditem": ("nnyy", "nnnn", "nnnn"),
    "tracking_heldwrite": ("nnyy", "nnnn", "nnnn"),
    "tracking_helddeletion": ("nnyy", "nnnn", "nnnn"),
    "tracking_syncattributemapping": ("nnyy", "nnnn", "nnnn"),
    "tracking_syncfilter": ("nnyy", "nnnn", "nnnn"),
    "tracking_syncprogress": ("nnyy", "nnnn", "nnnn"),
    "auth_user": ("nnyy", "nnyy", "nnny"),
    "auth_group": ("nnny", "nnny", "nnny"),
    "auditlog_logentry": ("yyyy", "nnnn", "nnnn"),  # of what each may look at
    "django_q_failure": ("nnny", "nnnn", "nnnn"),
    "django_q_success": ("nnny", "nnnn", "nnnn"),
}
LOOK, ADD, DELETE = range(3)
OPERATIONS = {"changelist": LOOK, "change": LOOK, "history": LOOK, "add": ADD, "delete": DELETE}


def addresses() -> Iterator[str]:
    """The name of every address; those without one are Django's redirect to an object and its catch-all."""

    def walk(resolver: Any, spaces: tuple[str, ...]) -> Iterator[str]:
        for one in resolver.url_patterns:
            if isinstance(one, URLPattern):
                assert one.name or str(one.pattern) in ("<path:object_id>/", "(?P<url>.*)$"), one
                yield ":".join((*spaces, one.name or ""))
            else:
                yield from walk(one, (*spaces, one.namespace) if one.namespace else spaces)

    return (name for name in walk(get_resolver(), ()) if not name.endswith(":"))


def expected(name: str) -> tuple[str, str] | None:
    """Method and letters for an address, from the two tables."""
    if name in PAGES:
        return PAGES[name]
    model, _, operation = name.removeprefix("admin:").rpartition("_")
    if model not in MODELS or operation not in OPERATIONS:
        return None
    return "GET", "llll" + MODELS[model][OPERATIONS[operation]]


def addresses_with_a_line() -> list[str]:
    """All of them; while one has no line yet, the first test below says so and the others leave it out."""
    return [name for name in addresses() if expected(name)]


def test_every_address_has_a_line_and_every_line_an_address() -> None:
    found = set(addresses())
    assert sorted(name for name in found if expected(name) is None) == []
    assert sorted(set(PAGES) - found) == []
    models = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    assert sorted(set(MODELS) - models) == []


@pytest.fixture
def things(office: Office) -> dict[str, Any]:
    """One row of every model that has a page, by the name of the model."""
    now = timezone.now()
    supports, user = office.supports, ContentType.objects.get_for_model(Account)
    done = {"func": "x", "started": now, "stopped": now}
    alert = TraceLog(mailbox=supports, level=TraceLevel.ERROR, cause="x", text="It stopped.")
    alert.created_on = alert.last_occurred_on = now
    alert.save()
    made = [
        office.alices.email_server_profile,
        office.alices,
        alert,
        MailboxStatistics.objects.create(
            mailbox=supports,
            operation_type=0,
            mailbox_process_started_on=now,
            mailbox_process_completed_on=now,
            process_result=True,
        ),
        AddressEntry.objects.first(),
        AddressResolution.objects.create(address="d@them.test", record_type=user, record_id="1", chosen_on=now),
        Pause.objects.create(mailbox=office.bobs, reason="A rest.", paused_on=now),
        supports.regarding_queue,
        QueueItem.objects.create(queue=supports.regarding_queue, object_type=user, object_id="1", entered_on=now),
        office.bobs.regarding_user.sync_settings,
        Organization.objects.get_or_create(pk=1)[0],
        Account.objects.create(name="Them"),
        Contact.objects.create(full_name="Dora"),
        Lead.objects.create(full_name="Leo"),
        Case.objects.create(title="Broken"),
        office.to_support,
        DomainEvent.objects.create(kind="email.tracked", subject_id="1", happened_on=now),
        office.ignored,
        Placement.objects.first(),
        SyncCursor.objects.create(leg=supports.legs.get(leg=0), folder="inbox", moved_on=now),
        TrackingExclusion.objects.create(kind=1, value="spam.test", created_on=now),
        MailboxTrackingFolder.objects.create(mailbox=supports, exchange_folder_id="f", exchange_folder_name="Deals"),
        *synchronized(office, now),
        office.bobs.regarding_user,
        Group.objects.get(name="auditor"),
        Failure.objects.create(id="f" * 32, name="f", success=False, **done),
        Success.objects.create(id="s" * 32, name="s", success=True, **done),
        history.entries_of(Mailbox, str(office.alices.pk))[0],
    ]
    named = {f"{one._meta.app_label}_{one._meta.model_name}": one for one in made}
    never = TrackingExclusion.objects.create(mailbox=supports, kind=1, value="spam.test", created_on=now)
    draft = write_draft(NewEmail(supports, [], "From us"), now, supports.regarding_queue.owner)
    return named | {"never": never, "draft": draft} | of_calendar(office, now)


def arguments(name: str, office: Office, things: dict[str, Any]) -> list[Any]:
    """What goes into the address. The buttons of the owner's page are pressed for the queue, which has a member."""
    if name.startswith("admin:"):
        model, _, operation = name.removeprefix("admin:").rpartition("_")
        special = {
            "admin:view_on_site": [ContentType.objects.get_for_model(Account).pk, things["crm_account"].pk],
            "admin:app_list": ["mailboxes"],
            "admin:auth_user_password_change": [office.bobs.regarding_user.pk],
        }
        if name in special:
            return special[name]
        return [things[model].pk] if model in things and operation in ("change", "history", "delete") else []
    if name.startswith(("calendar:", "calendars:", "synchronizing:")):
        return calendar_arguments(name, office, things)
    supports, email = office.supports.pk, office.to_support.pk
    special = {
        "owner:queue": [office.supports.regarding_queue_id],
        "queues:queue": [office.supports.regarding_queue_id],
        "queues:work": [office.supports.regarding_queue_id],
        "owner:redo": [supports, office.ignored.pk],
        "owner:track": [supports, office.ignored.pk],
        "owner:exclusion": [supports, things["never"].pk],
        "owner:explain": [supports, office.ignored.pk],
        "compose:edit": [things["draft"].pk],
        "console:explain": [office.ignored.pk],
        "owner:dismiss": [supports, things["mailboxes_tracelog"].pk],
        "console:dry_run_queue": [office.supports.regarding_queue_id],
        "console:enable": [supports, 0],
        "console:test_profile": [things["profiles_emailserverprofile"].pk],
        "console:resume": [things["mailboxes_pause"].pk],
    }
    if name in special:
        return special[name]
    if name.endswith(":who"):
        return [email, office.to_support.parties.order_by("pk")[0].pk]
    if name.endswith("attachment"):
        return [email, office.to_support.attachments.get().attachment_number]
    about_email = name.endswith(
        (
            ":email",
            ":body",
            ":original",
            ":settle_delivery",
            ":privacy",
            ":fetch_whole",
            ":belonging",
            ":untrack",
            ":reply",
            ":reply_all",
            ":forward",
        )
    )
    about_mailbox = name.startswith("owner:") or name in [
        f"console:{n}" for n in ("mailbox", "sync", "test", "count", "trials", "dry_run", *ABOUT_FOLDERS)
    ]
    return [email] if about_email else [supports] if about_mailbox and name not in OWN_PAGES else []


OWN_PAGES = ("owner:own", "owner:own_folders", "owner:alerts", "owner:password")
ABOUT_FOLDERS = ("folders", "folder_status", "folder_progress", "fetch_folders", "new_folder", "folder_rule")
QUERIES = {
    **{f"{space}:new_filter": "?kind=task" for space in ("calendar", "calendars", "synchronizing")},
    "admin:autocomplete": "?app_label=mailboxes&model_name=mailbox&field_name=owner&term=",
    "owner:folder_rule": "?folder=f",
    "console:folder_rule": "?folder=f",
}


def outcome(answer: HttpResponse) -> str:
    """What happened, as a letter of the tables."""
    if answer.status_code == 302 and answer.headers["Location"].startswith("/login/"):
        return "l"
    return {200: "y", 302: "y", 422: "y", 503: "y", 403: "n", 404: "h"}.get(answer.status_code, str(answer.status_code))


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_what_it_may_and_nothing_else(role: str, office: Office, things: dict[str, Any]) -> None:
    client, position = office.browsers[role], ROLES.index(role)
    wrong = {}
    for name in addresses_with_a_line():
        method, letters = expected(name) or ("", "")
        address = reverse(name, args=arguments(name, office, things)) + QUERIES.get(name, "")
        visitor = browser(office.people[role]) if name.endswith("logout") else client
        found = outcome(visitor.generic(method, address))
        if found != letters[position]:
            wrong[name] = f"{found} instead of {letters[position]}"
    assert wrong == {}


def test_an_administrator_edits_no_account_that_may_do_more(office: Office) -> None:
    for role, status in (("superuser", 403), ("charlie", 200)):
        address = reverse("admin:auth_user_password_change", args=[office.people[role].pk])
        assert office.browsers["administrator"].get(address).status_code == status
    page = office.browsers["administrator"].get(reverse("admin:auth_user_change", args=[office.people["charlie"].pk]))
    assert not {"is_superuser", "groups", "user_permissions"} & set(page.context["adminform"].form.fields)
