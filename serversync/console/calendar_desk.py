"""Somebody at the appointments, contacts and tasks of one person: that person, or staff in the console (10, 12.1).

| who | looks | reads subjects and values | changes |
|---|---|---|---|
| the person | yes | yes | yes |
| staff that may see mappings | yes | with the right to read others' mail, never what is private; noted | as their rights say |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from mailboxes.models import Leg, Mailbox, UserSettings
from serversync.console.owner import for_people, show_to_owner
from serversync.console.pages import View, show, staff_page, way_back
from tracking.crm.models import Contact
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import MODELS, Record
from tracking.facts.calendar.belonging import may_change, record_of
from tracking.facts.calendar.closed import Told, is_private, not_theirs_among, private_among
from tracking.facts.calendar.pairs import failed, waiting_for_somebody
from tracking.facts.visibility import MASK, PRIVATE, READ_OTHERS_MAIL

OWN, CONSOLE, ORGANIZATION = "calendar", "calendars", "synchronizing"
"""The namespaces of the addresses: a person's own, those of staff, which name the mailbox, and what holds for everybody."""
ORGANIZATION_TABS = (("fields", "Fields"), ("filters", "Filter templates"))
TABS = (
    ("agenda", "Calendar"),
    ("tasks", "Tasks"),
    ("contacts", "Contacts"),
    ("waiting", "Questions"),
    ("problems", "Problems"),
    ("bin", "Recycle bin"),
    ("filters", "Filters"),
    ("start", "Progress"),
)
OF_A_MAILBOX = frozenset({"waiting", "problems", "bin", "start"})
"""What there is only for somebody who has a mailbox."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The request, whose things they are, and in which frame they are shown."""

    request: HttpRequest
    mailbox: Mailbox | None
    space: str
    zone: ZoneInfo

    @property
    def user_id(self) -> int:
        """Whose things they are."""
        if self.space == OWN:
            return int(self.request.user.pk or 0)
        return int(self.mailbox.regarding_user_id or 0) if self.mailbox is not None else 0

    @property
    def is_organization(self) -> bool:
        """Whether it is about nobody's things but about what holds for everybody."""
        return self.space == ORGANIZATION

    @property
    def is_own(self) -> bool:
        """Whether somebody looks at what is theirs."""
        return self.user_id == self.request.user.pk

    def address(self, name: str, *args: Any, **query: str) -> str:
        """Of another page about the same person."""
        of = [self.mailbox.pk] if self.space == CONSOLE and self.mailbox is not None else []
        found = reverse(f"{self.space}:{name}", args=[*of, *args])
        return f"{found}?{urlencode(query)}" if query else found

    def item_address(self, kind: RecordKind, pk: UUID) -> str:
        """Of the page of one record."""
        return self.address("item", kind.value, pk)

    def back(self, name: str, *args: Any) -> HttpResponseRedirect:
        """To the page where the button was pressed, or else to this one."""
        return HttpResponseRedirect(way_back(self.request, self.address(name, *args)))

    def reads(self, is_private: bool = False) -> bool:
        """Whether subjects and values are shown."""
        return self.is_own or (not is_private and self.request.user.has_perm(READ_OTHERS_MAIL))

    def reads_record(self, record: Record) -> bool:
        """Whether what it says is shown. Contacts are records that staff may see in any case."""
        if isinstance(record, Contact) and self.request.user.has_perm("crm.view_contact"):
            return True
        return self.reads(is_private(record))

    def shown(self, text: str, is_private: bool = False, otherwise: str = "(no subject)") -> str:
        """A subject, or what stands for it where it may not be read (law 12)."""
        if not self.reads(is_private):
            return PRIVATE if is_private else MASK
        return text or otherwise

    def masks(self, lines: Iterable[Told]) -> dict[UUID, str]:
        """What stands for the subject of those of these lines that may not be read: by the item as it is now (law 12)."""
        listed = list(lines)
        private, not_theirs = private_among(listed), not_theirs_among(self.user_id, listed)
        closed = [one.pk for one in listed if not self.reads(one.pk in private) or one.pk in not_theirs]
        return {pk: PRIVATE if pk in private else MASK for pk in closed}

    def may(self, permission: str) -> bool:
        """Whether this person decides here: about their own always, about others' with the right."""
        return self.is_own or self.request.user.has_perm(permission)

    def insist(self, permission: str) -> None:
        """Raise PermissionDenied to whoever may not."""
        if not self.may(permission):
            raise PermissionDenied("You may look at this, but not change it.")

    def may_edit(self, record: Record) -> bool:
        """Owners and organizers; staff with the right to change such records that may read this one."""
        if not may_change(self.user_id, record):
            return False
        model = type(record)._meta
        return self.may(f"{model.app_label}.change_{model.model_name}") and self.reads_record(record)

    def no_such_button(self, name: str, *args: Any) -> HttpResponseRedirect:
        """Something was posted that no button of the page posts."""
        messages.warning(self.request, "Nothing was changed. Press one of the buttons of the page.")
        return self.back(name, *args)

    def own_mailbox(self) -> Mailbox:
        """The mailbox that is synchronized. Raises Http404 where the person has none."""
        if self.mailbox is None:
            raise Http404("You have no mailbox, so nothing is synchronized.")
        return self.mailbox

    def record(self, kind_name: str, pk: UUID) -> Record:
        """One record of the person. Raises Http404 for others, so that nobody learns that they exist."""
        found = record_of(self.user_id, kind_named(kind_name), pk)
        if found is None:
            raise Http404("There is no such item, or it is not yours to see.")
        return found

    def note_reading(self, record: Record) -> None:
        """Whoever reads what is somebody else's leaves a line in its change history."""
        if not self.is_own and self.reads_record(record) and not isinstance(record, Contact):
            self.note(record, "Read somebody else’s item.")

    def note(self, record: Record, words: str) -> None:
        """A line in the change history of an item: who, when, and what they did; never what it says."""
        rows = type(record)._default_manager.filter(pk=record.pk).only("pk")
        LogEntry.objects.log_actions(self.request.user.pk or 0, rows, CHANGE, words)

    def show(self, template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
        """Render a page in the frame that it was asked for in."""
        around = self._around()
        with timezone.override(self.zone):
            if self.space == OWN:
                return show_to_owner(self.request, template, title, status, **around, **context)
            answer = show(self.request, template, title, **around, **context)
        answer.status_code = status
        return answer

    def fragment(self, template: str, **context: Any) -> HttpResponse:
        """Render a part of a page."""
        with timezone.override(self.zone):
            return render(self.request, template, self._around() | context)

    def _around(self) -> dict[str, Any]:
        """What every template of these pages needs."""
        return {
            "desk": self,
            "mailbox": self.mailbox,
            "base": "owner/base.html" if self.space == OWN else "console/base.html",
            "is_console": self.space != OWN,
            "tabs": self._tabs(),
            "whose": "" if self.is_own or self.mailbox is None else str(self.mailbox),
            "zone": self.zone.key,
            "to": {name: self.address(name) for name, _ in (ORGANIZATION_TABS if self.is_organization else TABS)},
        }

    def _tabs(self) -> list[dict[str, Any]]:
        here = self.request.resolver_match.url_name if self.request.resolver_match else ""
        numbers = {}
        if self.mailbox is not None:
            numbers = {"waiting": waiting_for_somebody(self.mailbox), "problems": failed(self.mailbox).count()}
        return [
            {
                "label": label,
                "address": self.address(name),
                "is_here": name == here,
                "number": numbers.get(name, 0),
                "of": "that failed" if name == "problems" else "to answer",
            }
            for name, label in (ORGANIZATION_TABS if self.is_organization else TABS)
            if self.mailbox is not None or name not in OF_A_MAILBOX
        ]

    def is_synchronized(self) -> bool:
        """Whether anything of it goes to a server at all (10.1 a)."""
        return self.mailbox is not None and self.mailbox.legs.filter(leg=Leg.ACT, enabled=True).exists()


DeskView = Callable[..., HttpResponse]


def own(view: DeskView) -> View:
    """For whoever is signed in, about what is theirs."""

    @wraps(view)
    def at_desk(request: HttpRequest, **more: Any) -> HttpResponse:
        mailbox = _mailboxes().filter(regarding_user=request.user).first()
        return view(Desk(request, mailbox, OWN, zone_of(request.user.pk)), **more)

    return for_people(at_desk)


def in_console(view: DeskView) -> View:
    """For staff who may see mailboxes and what is linked in them; times are in the zone of whoever looks."""

    @wraps(view)
    def at_desk(request: HttpRequest, mailbox: UUID, **more: Any) -> HttpResponse:
        found = get_object_or_404(_mailboxes().exclude(regarding_user=None), pk=mailbox)
        return view(Desk(request, found, CONSOLE, zone_of(request.user.pk)), **more)

    return staff_page("mailboxes.view_mailbox", "tracking.view_exchangesyncidmapping")(at_desk)


def for_everybody(*permissions: str) -> Callable[[DeskView], View]:
    """For staff with these rights, about what holds for the whole organization."""

    def decorate(view: DeskView) -> View:
        @wraps(view)
        def at_desk(request: HttpRequest, **more: Any) -> HttpResponse:
            return view(Desk(request, None, ORGANIZATION, zone_of(request.user.pk)), **more)

        return staff_page(*permissions)(at_desk)

    return decorate


def posted(view: DeskView) -> DeskView:
    """A button: nothing that a link could press."""

    @wraps(view)
    def checked(desk: Desk, **more: Any) -> HttpResponse:
        return require_POST(lambda request: view(desk, **more))(desk.request)

    return checked


def _mailboxes() -> Any:
    return Mailbox.objects.select_related("regarding_user", "email_server_profile")


def zone_of(user_id: int | None) -> ZoneInfo:
    """The time zone of a person; UTC where none is set."""
    name = UserSettings.objects.filter(user_id=user_id or 0).values_list("time_zone", flat=True).first()
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def kind_named(name: str) -> RecordKind:
    """The kind of record of an address. Raises Http404."""
    if name not in list(RecordKind):
        raise Http404("There is no such kind of item.")
    return RecordKind(name)


def several(kind: RecordKind) -> str:
    """What people call many of it."""
    return (
        "Recurring appointments"
        if kind is RecordKind.SERIES
        else str(MODELS[kind]._meta.verbose_name_plural).capitalize()
    )


def label_of(kind: RecordKind) -> str:
    """What people call it."""
    if kind is RecordKind.SERIES:
        return "Recurring appointment"
    return str(MODELS[kind]._meta.verbose_name).capitalize()
