"""The help page about the organization's settings: what each does, its default, what the original does (11)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from mailboxes.policy import Policy, standard
from mailboxes.settings_catalogue import GROUPS, SETTINGS
from serversync.console.pages import show


@login_required
def settings_help(request: HttpRequest) -> HttpResponse:
    """Every setting, or those whose words contain what is searched for; each has an address of its own (#name)."""
    wanted = request.GET.get("q", "").strip()[:200]
    default, preset = Policy(), standard("dynamics")
    groups = []
    for group in GROUPS:
        found = [
            (one, one.words(getattr(default, one.name)), one.words(getattr(preset, one.name)))
            for one in group.settings
            if wanted.lower() in f"{group.title} {one.name} {one.label} {one.help} {one.rule}".lower()
        ]
        if found:
            groups.append((group, found))
    return show(
        request,
        "console/settings_help.html",
        "Settings of the organization",
        wanted=wanted,
        groups=groups,
        total=len(SETTINGS),
        may_change=request.user.has_perm("mailboxes.change_organization"),
    )
