"""The console's navigation: what a person may open, grouped by what they come for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from serversync.console import figures

# group → (title, icon, permission, address, further addresses that belong to it)
Item = tuple[str, str, str, str, str]
GROUPS: dict[str, list[Item]] = {
    "": [
        ("Home", "home", "", "admin:index", ""),
        ("My mailbox", "person", "", "owner:own", ""),
        ("Queue work", "move_to_inbox", "", "queues:mine", "/queue/"),
        ("Outgoing mail", "outbox", "", "compose:mine", "/mail/"),
        ("Calendar and tasks", "calendar_month", "", "calendar:agenda", "/calendar/"),
    ],
    "Mail": [
        ("Emails", "mail", "crm.view_email", "admin:crm_email_changelist", "/email/"),
        ("Ledger", "fact_check", "tracking.view_ledgerrow", "admin:tracking_ledgerrow_changelist", ""),
        ("Alerts", "notifications", "mailboxes.view_tracelog", "admin:mailboxes_tracelog_changelist", ""),
        ("Why?", "help", "tracking.view_ledgerrow", "console:why", ""),
        ("Decisions", "gavel", "tracking.view_ledgerrow", "console:decisions", ""),
    ],
    "Mailboxes": [
        ("Mailboxes", "inbox", "mailboxes.view_mailbox", "admin:mailboxes_mailbox_changelist", "/mailbox/"),
        (
            "Synchronized items",
            "sync",
            "tracking.view_exchangesyncidmapping",
            "admin:tracking_exchangesyncidmapping_changelist",
            "/calendars/",
        ),
        ("Tests", "checklist", "mailboxes.view_mailbox", "console:tests", ""),
        ("Queues", "group_work", "mailboxes.view_queue", "admin:mailboxes_queue_changelist", ""),
        ("Queue items", "assignment_ind", "mailboxes.view_queueitem", "admin:mailboxes_queueitem_changelist", ""),
        (
            "Folder rules",
            "rule_folder",
            "tracking.view_mailboxtrackingfolder",
            "admin:tracking_mailboxtrackingfolder_changelist",
            "",
        ),
        (
            "Never tracked",
            "block",
            "tracking.view_trackingexclusion",
            "admin:tracking_trackingexclusion_changelist",
            "",
        ),
    ],
    "Servers": [
        ("Profiles", "dns", "profiles.view_emailserverprofile", "admin:profiles_emailserverprofile_changelist", ""),
    ],
    "Records": [
        ("Accounts", "apartment", "crm.view_account", "admin:crm_account_changelist", ""),
        ("Contacts", "contacts", "crm.view_contact", "admin:crm_contact_changelist", ""),
        ("Leads", "person_add", "crm.view_lead", "admin:crm_lead_changelist", ""),
        (
            "Who is who",
            "how_to_reg",
            "mailboxes.view_addressresolution",
            "admin:mailboxes_addressresolution_changelist",
            "",
        ),
        ("Cases", "support_agent", "crm.view_case", "admin:crm_case_changelist", ""),
    ],
    "Administration": [
        ("Users", "group", "auth.view_user", "admin:auth_user_changelist", ""),
        (
            "User settings",
            "manage_accounts",
            "mailboxes.view_usersettings",
            "admin:mailboxes_usersettings_changelist",
            "",
        ),
        ("Fields", "sync_alt", "tracking.view_syncattributemapping", "synchronizing:fields", ""),
        (
            "Filter templates",
            "filter_alt",
            "tracking.view_syncfilter",
            "synchronizing:filters",
            "/synchronizing/filters/",
        ),
        ("Organization", "settings", "mailboxes.view_organization", "admin:mailboxes_organization_changelist", ""),
        ("Changes", "manage_history", "mailboxes.view_mailbox", "admin:auditlog_logentry_changelist", ""),
        ("Health", "monitor_heart", "", "console:health", ""),
        ("Pauses", "pause_circle", "mailboxes.view_pause", "admin:mailboxes_pause_changelist", "/brake/"),
        ("Errors and what helps", "menu_book", "", "console:errors", ""),
        ("Settings explained", "tune", "", "console:settings_help", ""),
        ("Cycles", "history", "mailboxes.view_mailboxstatistics", "admin:mailboxes_mailboxstatistics_changelist", ""),
        ("Events", "bolt", "crm.view_domainevent", "admin:crm_domainevent_changelist", ""),
    ],
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups for this person, each with the items they may open, and the number of alerts that are new to them."""
    return [
        {"title": title, "items": [_item(request, item) for item in items if _may_open(request, item)]}
        for title, items in GROUPS.items()
    ]


def _may_open(request: HttpRequest, item: Item) -> bool:
    return not item[2] or request.user.has_perm(item[2])


def _item(request: HttpRequest, item: Item) -> dict[str, Any]:
    title, icon, _, name, also = item
    shown: dict[str, Any] = {"title": title, "icon": icon, "link": reverse(name)}
    if also and request.path.startswith(also):
        shown["active"] = True
    elif name == "owner:own":  # has a frame of its own; other addresses begin like it
        shown["active"] = False
    if title == "Alerts" and (number := figures.new_alerts(request.user)):
        shown["badge"] = number
    return shown
