"""“Rebuild from the original…” in the list of emails: a page shows what differs, and only then it is written."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.decorators import action

from serversync.replay import replay
from tracking.crm.models import Email
from tracking.facts.originals import rebuildable
from tracking.facts.visibility import own_emails
from tracking.keep.rebuilding import Rebuilt

MOST = 200  # emails in one request


@dataclass(frozen=True, slots=True)
class Line:
    """One email of the page. What its values say is for those whose mail it is."""

    email: Rebuilt
    is_own: bool

    @property
    def names(self) -> str:
        """Which things differ."""
        return ", ".join(dict.fromkeys(change.what.replace("_", " ") for change in self.email.changes))


class ReplayAction:
    """Put before the admin of emails."""

    def has_rebuild_permission(self, request: HttpRequest) -> bool:
        """Whoever may change emails; they are not shown what others wrote."""
        return request.user.has_perm("crm.change_email")

    @action(description="Rebuild from the original…", permissions=["rebuild"])
    def rebuild(self, request: HttpRequest, queryset: QuerySet[Email]) -> HttpResponse:
        """Twice: first the page, then, confirmed there, the deed."""
        ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            messages.error(
                request, f"At most {MOST} at once. For more there is “manage.py replay”. Nothing was changed."
            )
            return HttpResponseRedirect(request.get_full_path())
        emails = rebuildable().filter(pk__in=ids)
        if "confirmed" in request.POST:
            found = [one for some in replay(emails, timezone.now, apply=True, by=request.user) for one in some]
            changed = sum(bool(one.changes) for one in found)
            messages.success(request, f"Rebuilt: {changed}. The others said already what their originals say.")
            return HttpResponseRedirect(request.get_full_path())
        found = [one for some in replay(emails, timezone.now, apply=False) for one in some]
        return _ask(request, found, len(ids))


def _ask(request: HttpRequest, found: list[Rebuilt], chosen: int) -> TemplateResponse:
    told = [one for one in found if one.changes or one.problem or one.note]
    own = set(own_emails(request.user).filter(pk__in=[one.email_id for one in told]).values_list("pk", flat=True))
    context = {
        **admin.site.each_context(request),
        "title": "Rebuild from the original",
        "lines": [Line(one, one.email_id in own) for one in told],
        "chosen": chosen,
        "without": chosen - len(found),
        "different": sum(bool(one.changes) for one in found),
        "action": request.POST.get("action"),
        "select_across": request.POST.get("select_across", "0"),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "console/replay.html", context)
