"""Addresses of the console: its composite pages, then a page per model."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from serversync.console import (
    belonging,
    brake,
    contents,
    decisions,
    dry_run,
    emails,
    errors,
    folder_rule,
    folders,
    health,
    mailboxes,
    profiles,
    settings_help,
    trials,
    untracking,
    who,
    whole,
    why,
)
from serversync.console.calendar_addresses import console_addresses, organization_addresses, own_addresses
from serversync.console.compose_addresses import addresses as compose
from serversync.console.login import SignIn
from serversync.console.owner import for_people
from serversync.console.owner_addresses import addresses as owner
from serversync.console.pages import staff_page
from serversync.console.passwords import change_password
from serversync.console.queues import addresses as queues

reading = staff_page("crm.view_email")
console = [
    path("email/<uuid:pk>/", emails.email, name="email"),
    path("email/<uuid:pk>/body/", reading(contents.body), name="body"),
    path("email/<uuid:pk>/original/", reading(contents.original), name="original"),
    path("email/<uuid:pk>/attachment/<int:number>/", reading(contents.attachment), name="attachment"),
    path("email/<uuid:pk>/delivery/", emails.settle_delivery, name="settle_delivery"),
    path("email/<uuid:pk>/belongs/", belonging.in_console, name="belonging"),
    path("email/<uuid:pk>/who/<int:party>/", who.in_console, name="who"),
    path("email/<uuid:pk>/untrack/", untracking.untrack_email, name="untrack"),
    path("email/<uuid:pk>/whole/", whole.fetch, name="fetch_whole"),
    path("mailbox/<uuid:pk>/", mailboxes.overview, name="mailbox"),
    path("mailbox/<uuid:pk>/sync/", mailboxes.sync, name="sync"),
    path("mailbox/<uuid:pk>/enable/<int:leg>/", mailboxes.enable, name="enable"),
    path("mailbox/<uuid:pk>/try/", dry_run.for_mailbox, name="dry_run"),
    path("queue/<uuid:pk>/try/", dry_run.for_queue, name="dry_run_queue"),
    path("settings/try/", dry_run.for_settings, name="dry_run_settings"),
    path("brake/pause/", brake.pause, name="pause"),
    path("brake/<int:pk>/resume/", brake.resume, name="resume"),
    path("instance/", brake.confirm_instance, name="confirm_instance"),
    path("health/", health.health, name="health"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("mailbox/<uuid:pk>/test/", trials.ask, name="test"),
    path("mailbox/<uuid:pk>/count/", trials.count, name="count"),
    path("mailbox/<uuid:pk>/trials/", trials.panel, name="trials"),
    path("mailbox/<uuid:pk>/folders/", folders.in_console(folders.tree), name="folders"),
    path("mailbox/<uuid:pk>/folders/status/", folders.in_console(folders.status), name="folder_status"),
    path("mailbox/<uuid:pk>/folders/progress/", folders.in_console(folders.progress), name="folder_progress"),
    path("mailbox/<uuid:pk>/folders/fetch/", folders.in_console(folders.fetch), name="fetch_folders"),
    path("mailbox/<uuid:pk>/folders/new/", folders.in_console(folders.new), name="new_folder"),
    path("mailbox/<uuid:pk>/folders/rule/", folders.in_console(folder_rule.rule), name="folder_rule"),
    path("tests/", trials.progress, name="tests"),
    path("why/", why.why, name="why"),
    path("why/<int:pk>/", decisions.one, name="explain"),
    path("why/look/", why.look_now, name="look"),
    path("decisions/", decisions.listing, name="decisions"),
    path("help/errors/", errors.errors, name="errors"),
    path("help/settings/", settings_help.settings_help, name="settings_help"),
    path("profile/test/", profiles.try_connection, name="test_new_profile"),
    path("profile/<uuid:pk>/test/", profiles.try_connection, name="test_profile"),
]

urlpatterns = [
    path("login/", SignIn.as_view(), name="login"),  # before the console's own, which only lets staff in
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("mailbox/", include((owner, "owner"))),
    path("queue/", include((queues, "queues"))),
    path("mail/", include((compose, "compose"))),
    path("calendar/", include((own_addresses, "calendar"))),
    path("calendars/<uuid:mailbox>/", include((console_addresses, "calendars"))),
    path("synchronizing/", include((organization_addresses, "synchronizing"))),
    # Before the console's own, which is not throttled.
    path("password_change/", for_people(change_password), name="password_change"),
    path("", include((console, "console"))),
    path("", admin.site.urls),
]
