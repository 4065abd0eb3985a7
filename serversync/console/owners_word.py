"""The owner's word about their mail: track this now, untrack that, never track such mail (law 12)."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Mailbox
from mailboxes.ownership import Standing
from serversync.console.exclusion_forms import ExclusionForm, SinceForm
from serversync.console.owner import back_to, for_people, owners_action, page, show_to_owner
from tracking.crm.models import Email
from tracking.facts import removable
from tracking.facts.visibility import visible_emails
from tracking.keep import exclusions
from tracking.keep.track_now import track_now
from tracking.keep.untrack import untrack
from tracking.models import LedgerRow, TrackingExclusion
from tracking.models.exclusions import ExclusionKind

MOST = 500
"""Messages that one press of a button takes out, so that no page takes longer than people and proxies wait."""
GONE = "The server shows this message no more, so it cannot be tracked. If it was moved, move it back to the inbox."


@owners_action
def track(request: HttpRequest, mailbox: Mailbox, row: int) -> HttpResponse:
    """Track one message that was left out, past every filter (5.6)."""
    found = get_object_or_404(LedgerRow, pk=row, mailbox=mailbox)
    asked = track_now(LedgerRow.objects.filter(pk=found.pk), request.user, timezone.now())
    if asked.asked:
        messages.success(request, "It is fetched again and tracked at the next run, which was asked for.")
    elif asked.gone:
        messages.warning(request, GONE)
    else:
        messages.info(request, "Nothing was changed: it is tracked already.")
    return back_to(request, mailbox, "decisions", reverse("owner:explain", args=[mailbox.pk, found.pk]))


@owners_action
def never(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Exclude what was written into the form, or what the page of an email names."""
    if "email" in request.POST:
        made = _named_by_email(request, mailbox)
    else:
        form = ExclusionForm(request.POST)
        if not form.is_valid():
            return page(request, mailbox, Standing.OWNER, never_form=form)
        said = form.cleaned_data
        made = exclusions.add(mailbox, said["kind"], said["value"], request.user, timezone.now())
    return _offer(request, mailbox, made)


def _named_by_email(request: HttpRequest, mailbox: Mailbox) -> list[TrackingExclusion]:
    """Its sender, the sender's domain, or its conversation."""
    try:
        pk = UUID(request.POST["email"])
    except ValueError:
        raise Http404("No such email.") from None
    email = get_object_or_404(visible_emails(request.user), pk=pk)
    what, now = request.POST.get("what"), timezone.now()
    try:
        if what == "conversation":
            return exclusions.add_conversation_of(email, mailbox, request.user, now)
        if what == "domain":
            domain = email.sender.rpartition("@")[2]
            return exclusions.add(mailbox, ExclusionKind.DOMAIN, domain, request.user, now)
        return exclusions.add(mailbox, ExclusionKind.ADDRESS, email.sender, request.user, now)
    except ValueError:
        raise Http404("The email names no such sender.") from None


def _offer(request: HttpRequest, mailbox: Mailbox, made: list[TrackingExclusion]) -> HttpResponse:
    """What was tracked before stays, unless its owner takes it out as well, which is asked separately."""
    many = removable.matching(made).filter(mailbox=mailbox).count()
    if not many:
        messages.success(request, "Saved. Such mail is not tracked from now on; nothing that is tracked matches.")
        return back_to(request, mailbox, "never")
    return show_to_owner(
        request, "owner/excluded.html", "Never track", mailbox=mailbox, exclusion=made[0], many=many, most=MOST
    )


@owners_action
def change_exclusion(request: HttpRequest, mailbox: Mailbox, exclusion: int) -> HttpResponse:
    """Untrack what it matches, or lift it."""
    found = get_object_or_404(TrackingExclusion, pk=exclusion, mailbox=mailbox)
    if request.POST.get("do") != "lift":
        made = exclusions.together_with(found)
        rows = removable.matching(made).filter(mailbox=mailbox)
        done = _take_out(request, mailbox, rows) if request.POST.get("do") == "untrack" else None
        return done or _offer(request, mailbox, made)
    exclusions.remove(found)
    messages.success(
        request,
        "Lifted for mail that arrives from now on. What was ignored stays so; “Track now” among the decisions takes in "
        "a single message.",
    )
    return back_to(request, mailbox, "never")


@owners_action
def untrack_since(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Everything of the mailbox since a day: first the number, then, confirmed, the deed (law 9)."""
    form = SinceForm(request.POST)
    if not form.is_valid():
        return page(request, mailbox, Standing.OWNER, since_form=form)
    found = removable.since(mailbox, form.start(mailbox))
    if request.POST.get("do") == "untrack":
        done = _take_out(request, mailbox, found)
        if done is not None:
            return done
    return show_to_owner(
        request,
        "owner/untrack_since.html",
        "Untrack everything",
        mailbox=mailbox,
        day=form.cleaned_data["day"],
        many=found.count(),
        most=MOST,
    )


def _take_out(request: HttpRequest, mailbox: Mailbox, rows: QuerySet[LedgerRow]) -> HttpResponse | None:
    """None while there is more of it: the page asks again, and says how far it came."""
    number = say_what_was_untracked(request, rows)
    return None if number == MOST and rows.exists() else back_to(request, mailbox, "decisions")


def say_what_was_untracked(request: HttpRequest, rows: QuerySet[LedgerRow]) -> int:
    """Take out as many as one press may, and say how it went. Returns how many."""
    done = untrack(rows, request.user, timezone.now(), most=MOST)
    left = rows.count()
    if not done.messages:
        messages.info(request, "Nothing was changed: none of it is tracked any more.")
    else:
        what = "1 message was" if done.messages == 1 else f"{done.messages} messages were"
        kept = done.messages - done.deleted
        others = f" {kept} of them stay for others who received them too." if kept else ""
        more = f" {left} are left." if left else ""
        messages.success(request, f"{what} untracked, and will not be tracked again.{others}{more}")
    return done.messages


def owned_by(user: User | AnonymousUser) -> QuerySet[Mailbox]:
    """The mailboxes whose owner this person is; members of a queue leave its mail as it is."""
    if user.pk is None:
        return Mailbox.objects.none()
    return Mailbox.objects.filter(Q(regarding_user_id=user.pk) | Q(regarding_queue__owner_id=user.pk))


def mailboxes_with(email: Email, user: User | AnonymousUser) -> QuerySet[Mailbox]:
    """Those of them that show this email, or sent it."""
    holding = LedgerRow.objects.filter(email=email).values("mailbox")
    return owned_by(user).filter(Q(pk__in=holding) | Q(pk=email.sender_mailbox_id))


@for_people
def untrack_email(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One email or its conversation, by the owner of a mailbox that shows it. Others do not learn that it exists."""
    email = get_object_or_404(visible_emails(request.user), pk=pk)
    mailboxes = mailboxes_with(email, request.user)
    if not mailboxes.exists():
        raise PermissionDenied("Only the owner of this mail untracks it.")
    chosen = choices(email, owned_by(request.user))
    if request.method == "POST":
        say_what_was_untracked(request, chosen[_scope(request)])
        still = visible_emails(request.user).filter(pk=pk).exists()
        return HttpResponseRedirect(reverse("owner:email", args=[pk]) if still else reverse("owner:own"))
    many = {scope: rows.count() for scope, rows in chosen.items()}
    return show_to_owner(
        request, "owner/untrack.html", "Untrack", email=email, many=many, mailboxes=list(mailboxes), most=MOST
    )


def _scope(request: HttpRequest) -> str:
    return "conversation" if request.POST.get("scope") == "conversation" else "email"


def choices(email: Email, mailboxes: QuerySet[Mailbox]) -> dict[str, QuerySet[LedgerRow]]:
    """What may be taken out: this email, or its conversation."""
    return {
        "email": removable.of_emails(Email.objects.filter(pk=email.pk), mailboxes),
        "conversation": removable.of_conversation(email.conversation_tracking_id, email.pk, mailboxes),
    }
