"""Writing email: new, in answer to another, or from a draft; saved, or sent (7.2). In the owner's frame, for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import UserSettings
from mailboxes.models.settings import current_policy
from profiles.connectors.mime import Address
from profiles.identifiers import uuid7
from serversync.console import compose_files as files
from serversync.console.compose_form import LOCAL_TIME, WrittenForm, initial_of
from serversync.console.owner import for_people, show_to_owner
from serversync.console.reading import opened
from tracking.crm import delivery
from tracking.crm.answering import How, answer, is_shown, taken_along, written_in
from tracking.crm.display import editable
from tracking.crm.models import Email
from tracking.crm.sending_rights import SenderChoice, SendingRefused, author_of, senders_for
from tracking.crm.writing import NewEmail, rewrite, write_draft
from tracking.facts.directory import record_of
from tracking.facts.written import ANSWERABLE, EDITABLE, may_handle, written_by

_ABOUT = ("sender_mailbox__regarding_queue", "represents__regarding_queue", "parent_activity")
_TITLES = {How.REPLY: "Reply", How.REPLY_ALL: "Reply to all", How.FORWARD: "Forward"}
_CHANGED = (
    "This draft was changed since you opened it: by you in another window, or by a colleague. What you typed is here. "
    "Press the button again to replace the other version."
)
_SAVED = "Saved as a draft. Nothing has been sent."


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a page of writing stands on: what is proposed, the draft that is changed, the email that is answered."""

    title: str
    senders: list[SenderChoice]
    proposed: NewEmail
    files: list[files.File]
    draft: Email | None = None
    answers: Email | None = None

    @property
    def about(self) -> Email | None:
        """The email whose record is proposed."""
        return self.draft or self.answers


def _in_own_zone(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Times are entered, shown and quoted in the zone of whoever writes."""

    def zoned(request: HttpRequest, **more: Any) -> HttpResponse:
        user: Any = request.user
        settings = UserSettings.objects.filter(user=user)
        try:
            zone = ZoneInfo(settings.values_list("time_zone", flat=True).first() or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        with timezone.override(zone):
            return view(request, **more)

    return for_people(zoned)


@_in_own_zone
def new(request: HttpRequest) -> HttpResponse:
    """A new email; `?to=`, `?regarding=` and `?from=` fill it in."""
    senders = senders_for(request.user)
    if not senders:
        return _nothing_to_send_from(request)
    wanted = request.GET.get("from", "")
    mailbox = next((one.mailbox for one in senders if str(one.mailbox.pk) == wanted), senders[0].mailbox)
    to = [Address("", word) for word in request.GET.get("to", "").split(",") if "@" in word]
    record = record_of(request.user, request.GET.get("regarding", ""))
    proposed = NewEmail(mailbox, to, request.GET.get("subject", "")[:800], html="<p><br></p>", regarding=record)
    return _page(request, Sheet("New email", senders, proposed, []))


@_in_own_zone
def answering(request: HttpRequest, pk: UUID, how: How) -> HttpResponse:
    """An answer to an email that the person may read, or a forward of it."""
    found = opened(request, Email.objects.select_related(*_ABOUT, "receiving_mailbox"), pk, "an answer to it")
    if found.status_code not in ANSWERABLE:
        raise Http404("It was neither sent nor received: there is nothing to answer yet.")
    senders = senders_for(request.user)
    if not senders:
        return _nothing_to_send_from(request)
    own = {one.mailbox.pk: one.mailbox for one in senders}
    at = author_of(found) if found.direction_code else found.receiving_mailbox
    mailbox = own.get(at.pk, senders[0].mailbox) if at is not None else senders[0].mailbox
    zone = timezone.get_current_timezone()
    proposed = answer(found, how, mailbox, zone, html="<p><br></p>", with_files=False)
    kept = files.from_email(taken_along(found, how), request.user)
    return _page(request, Sheet(_TITLES[how], senders, proposed, kept, answers=found))


@_in_own_zone
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A draft, or an email that failed, as its writer changes it."""
    found = written_by(request.user).select_related(*_ABOUT).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such email, or it is not yours to read.")
    if not may_handle(request.user, found):
        raise PermissionDenied("Only its writer, or the owner of its mailbox, changes a draft.")
    if found.status_code not in EDITABLE:
        messages.info(request, f"It cannot be changed any more: it is {found.get_status_code_display().lower()}.")
        return HttpResponseRedirect(reverse("owner:email", args=[pk]))
    senders, author = senders_for(request.user), author_of(found)
    if not senders:
        return _nothing_to_send_from(request)
    mailbox = next((one.mailbox for one in senders if one.mailbox == author), senders[0].mailbox)
    kept = files.from_email(found.attachments.select_related("email"), request.user)
    title = "Draft" if found.original_id is None else "Write it anew"
    sheet = Sheet(title, senders, written_in(found, mailbox), kept, found, found.parent_activity)
    return _page(request, sheet)


def _nothing_to_send_from(request: HttpRequest) -> HttpResponse:
    return show_to_owner(request, "compose/no_mailbox.html", "New email")


def _page(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """Show the form, or take what was typed."""
    user, now, policy = request.user, timezone.now(), current_policy()
    initial = initial_of(sheet.proposed, user, sheet.about)
    if request.method != "POST":
        return _show(request, sheet, WrittenForm(sheet.senders, user, policy, now, initial=initial), sheet.files)
    form = WrittenForm(sheet.senders, user, policy, now, request.POST, request.FILES, initial=initial)
    if form.is_valid() and _was_changed_meanwhile(request, sheet):
        form.add_error(None, _CHANGED)
    if not form.is_valid():
        return _show(request, sheet, form, form.shown_files, status=422)
    return _save(request, sheet, form)


def _was_changed_meanwhile(request: HttpRequest, sheet: Sheet) -> bool:
    draft = sheet.draft
    return draft is not None and request.POST.get("version", "") != draft.modified_on.isoformat()


def _save(request: HttpRequest, sheet: Sheet, form: WrittenForm) -> HttpResponse:
    """Save first, then send: whatever stands in the way of sending, what was written stays."""
    user: Any = request.user
    new_email, now = form.written(sheet.answers), timezone.now()
    try:
        if sheet.draft is not None:
            email = rewrite(sheet.draft, new_email, now, user)
        else:
            with transaction.atomic():
                email = write_draft(new_email, now, user, email_id=_id_of(request))
    except IntegrityError:
        return _pressed_twice(request)
    except delivery.IllegalMove as refusal:
        messages.error(request, f"Nothing was changed: {refusal}.")
        return HttpResponseRedirect(reverse("owner:email", args=[sheet.draft.pk if sheet.draft else _id_of(request)]))
    if request.POST.get("do") != "send":
        messages.success(request, _SAVED)
        return HttpResponseRedirect(reverse("compose:edit", args=[email.pk]))
    return _send(request, email)


def _send(request: HttpRequest, email: Email) -> HttpResponse:
    user: Any = request.user
    try:
        delivery.submit(email, timezone.now(), by=user)
    except (delivery.IllegalMove, ValueError) as refusal:
        problems = refusal.problems if isinstance(refusal, SendingRefused) else [f"{refusal}."]
        messages.warning(request, "It was saved as a draft and not sent.")
        for problem in problems:
            messages.error(request, problem)
        return HttpResponseRedirect(reverse("compose:edit", args=[email.pk]))
    later = email.delayed_email_send_time
    told = f"It leaves on {timezone.localtime(later):%Y-%m-%d at %H:%M %Z}." if later else "It leaves at the next run."
    messages.success(request, told)
    return HttpResponseRedirect(reverse("owner:email", args=[email.pk]))


def _id_of(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("id", ""))
    except ValueError:
        return uuid7()


def _pressed_twice(request: HttpRequest) -> HttpResponse:
    """The same page was sent twice: the first time counted."""
    pk = _id_of(request)
    if not written_by(request.user).filter(pk=pk).exists():
        raise Http404("There is no such email.")
    messages.info(request, "It was saved already: the button was pressed twice.")
    return HttpResponseRedirect(reverse("owner:email", args=[pk]))


def _show(
    request: HttpRequest, sheet: Sheet, form: WrittenForm, kept: list[files.File], status: int = 200
) -> HttpResponse:
    html = form["html"].value() or ""
    when = form["not_before"].value()
    return show_to_owner(
        request,
        "compose/form.html",
        sheet.title,
        status,
        form=form,
        sheet=sheet,
        files=kept,
        id=_id_of(request),
        version=sheet.draft.modified_on.isoformat() if sheet.draft else "",
        html=editable(html, _address_of_images(sheet)),
        not_before=when if isinstance(when, str) else timezone.localtime(when).strftime(LOCAL_TIME) if when else "",
        zone=timezone.get_current_timezone_name(),
        limit=form.policy.max_upload_file_size,
    )


def _address_of_images(sheet: Sheet) -> Callable[[str], str]:
    """From where the editor shows an image of the text: an attachment of the draft, or of what is quoted."""
    images = {}
    for email in (sheet.answers, sheet.draft):
        for one in email.attachments.all() if email is not None else ():
            if email is not None and is_shown(one, email.description):
                address = reverse("owner:attachment", args=[email.pk, one.attachment_number])
                images[f"cid:{one.attachment_content_id}"] = address
    return lambda source: images.get(source, static("not-loaded.svg"))
