"""The page "Folders" of a mailbox: what is there, what is tracked, and asking the server anew; in both frames (9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from mailboxes.models import Mailbox
from mailboxes.models.settings import current_policy
from mailboxes.ownership import Standing, standing
from serversync.console.folder_tree import page_of, progress_of, rules_of, status_of, why_none
from serversync.console.owner import for_people, show_to_owner
from serversync.console.pages import View, show, staff_page
from serversync.folder_questions import NoAnswer, create_folder
from tracking.keep.hierarchies import request_tree

LONGEST_NAME = 255
ADDRESSES = ("folders", "folder_status", "folder_progress", "fetch_folders", "folder_rule", "new_folder")


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at the folders of one mailbox: its owner, or staff in the console."""

    request: HttpRequest
    mailbox: Mailbox
    frame: str

    def address(self, name: str, **query: str) -> str:
        """Of another page about the folders of this mailbox."""
        found = reverse(f"{self.frame}:{name}", args=[self.mailbox.pk])
        return f"{found}?{urlencode(query)}" if query else found

    def back(self) -> HttpResponseRedirect:
        """To the tree."""
        return HttpResponseRedirect(self.address("folders"))

    def may(self, verb: str) -> bool:
        """Owners do with their rules what they want; staff need the permission to add, change or delete them."""
        return self.frame == "owner" or self.request.user.has_perm(f"tracking.{verb}_mailboxtrackingfolder")

    def insist(self, verb: str) -> None:
        """Raise PermissionDenied to whoever may not."""
        if not self.may(verb):
            raise PermissionDenied("You may look at folder rules, but not change them.")

    def show(self, template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
        """Render a page in the frame that it was asked for in."""
        around = self.around() | {"base": f"{self.frame}/base.html", "mailbox_address": self._mailbox_address()}
        if self.frame == "owner":
            return show_to_owner(self.request, template, title, status, **around, **context)
        answer = show(self.request, template, title, **around, **context)
        answer.status_code = status
        return answer

    def around(self) -> dict[str, Any]:
        """What every template of these pages needs."""
        to = {name: self.address(name) for name in ADDRESSES}
        allowed = {f"may_{verb}": self.may(verb) for verb in ("add", "change", "delete")}
        return {"mailbox": self.mailbox, "frame": self.frame, "to": to, **allowed}

    def _mailbox_address(self) -> str:
        if self.frame == "console":
            return reverse("console:mailbox", args=[self.mailbox.pk])
        queue = self.mailbox.regarding_queue_id
        return reverse("owner:own") if queue is None else reverse("owner:queue", args=[queue])


FolderView = Callable[[Desk], HttpResponse]


def in_console(view: FolderView) -> View:
    """For staff who may see mailboxes, their rules and their folders."""

    @staff_page("mailboxes.view_mailbox", "tracking.view_mailboxtrackingfolder", "tracking.view_folderhierarchy")
    def checked(request: HttpRequest, pk: UUID) -> HttpResponse:
        return view(Desk(request, _mailbox(pk), "console"))

    return checked


def for_owner(view: FolderView) -> View:
    """For the owner of the mailbox, or of its queue. Others do not learn that it exists; members are refused."""

    @for_people
    def checked(request: HttpRequest, pk: UUID) -> HttpResponse:
        mailbox = _mailbox(pk)
        who = standing(request.user, mailbox)
        if who == Standing.NOBODY:
            raise Http404
        if who != Standing.OWNER:
            raise PermissionDenied("Only the owner of the queue chooses its folders.")
        return view(Desk(request, mailbox, "owner"))

    return checked


def _mailbox(pk: UUID) -> Mailbox:
    about = ("email_server_profile", "regarding_user", "regarding_queue")
    return get_object_or_404(Mailbox.objects.select_related(*about), pk=pk)


@for_people
def own(request: HttpRequest) -> HttpResponse:
    """The folders of the mailbox of the person who is signed in."""
    mailbox = Mailbox.objects.filter(regarding_user_id=request.user.pk).first()
    address = reverse("owner:own") if mailbox is None else reverse("owner:folders", args=[mailbox.pk])
    return HttpResponseRedirect(address)


def tree(desk: Desk) -> HttpResponse:
    """All mail folders with their rules, as the server last told them (9.4)."""
    parent = desk.request.GET.get("parent", "")
    title = f"Folders of {desk.mailbox.regarding_queue or desk.mailbox}"
    return desk.show("console/folders.html", title, parent=parent, **page_of(desk.mailbox, current_policy()))


def status(desk: Desk) -> HttpResponse:
    """Whether the folders have come, asked for twice a second, as a person waits; then the whole page is loaded again."""
    context = status_of(desk.mailbox)
    answer = render(desk.request, "console/folder_status.html", desk.around() | context)
    if not context["is_asked"]:
        answer.headers["HX-Refresh"] = "true"
    return answer


def progress(desk: Desk) -> HttpResponse:
    """How far the folders' mail has been taken in, asked for every two seconds until nothing is left to do (9.3). `rule`
    names the one that the page is about."""
    only = desk.request.GET.get("rule", "")
    context = progress_of([rule for rule in rules_of(desk.mailbox) if only in ("", str(rule.pk))])
    return render(
        desk.request, "console/folder_progress.html", desk.around() | context | {"only": only, "is_news": True}
    )


def fetch(desk: Desk) -> HttpResponse:
    """Ask the worker for the folders."""
    unfit = why_none(desk.mailbox, current_policy())
    if desk.request.method == "POST" and not unfit:
        request_tree(desk.mailbox, timezone.now())
    elif unfit:
        messages.warning(desk.request, unfit)
    return desk.back()


def new(desk: Desk) -> HttpResponse:
    """Make a folder in the mailbox, and go on to its rule."""
    desk.insist("add")
    if desk.request.method != "POST":
        return desk.back()
    parent, name = desk.request.POST.get("parent", ""), desk.request.POST.get("name", "").strip()
    wrong = _wrong_name(name) or why_none(desk.mailbox, current_policy())
    if wrong:
        messages.error(desk.request, wrong)
        return HttpResponseRedirect(desk.address("folders", parent=parent) + "#new")
    try:
        folder = create_folder(desk.mailbox, parent, name, timezone.now())
    except NoAnswer as answer:
        messages.error(desk.request, f"The folder was not created: {answer}")
        return HttpResponseRedirect(desk.address("folders", parent=parent) + "#new")
    messages.success(desk.request, f"The folder {folder.path} was created. Say what it is for.")
    return HttpResponseRedirect(desk.address("folder_rule", folder=folder.key))


def _wrong_name(name: str) -> str:
    if not name:
        return "Enter a name for the new folder."
    return (
        "" if len(name) <= LONGEST_NAME else f"The name is too long. Choose one of {LONGEST_NAME} characters at most."
    )
