"""Bulk actions of the list of emails: send, send again, release, take back and cancel many at once (7.3, 7.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import action

from serversync.console.reading import note
from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import EmailStatus

NAMED = 5  # refusals that are told in full
Deed = Callable[[Email, datetime], object]


class SendingActions:
    """Put before the admin of emails. Each email is asked for itself: one that cannot be sent stops no other."""

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Rows are not edited here, but whoever may change emails may say what becomes of them."""
        return request.user.has_perm("crm.change_email")

    @action(description="Send", permissions=["send"])
    def send(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        user: Any = request.user
        drafts = queryset.filter(status_code=EmailStatus.DRAFT)
        _each(request, drafts, lambda email, now: delivery.submit(email, now, by=user), "Asked for it to be sent.")

    @action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        failed = queryset.filter(status_code=EmailStatus.FAILED)
        _each(request, failed, send_again, "Asked for it to be sent again.")

    @action(description="Release", permissions=["send"])
    def release(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        held = queryset.filter(status_code=EmailStatus.PENDING_SEND)
        _each(request, held, lambda email, now: delivery.release([email], now), "Released it.")

    @action(description="Take back", permissions=["send"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        _each(request, queryset, delivery.take_back, "Took it back.")

    @action(description="Cancel what was not sent", permissions=["send"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        _each(request, queryset, delivery.cancel, "Cancelled it.")


def send_again(email: Email, now: datetime) -> None:
    """One that failed. It is still the email of whoever submitted it first: who asks for another try writes nothing. A draft
    was submitted by nobody, so nobody's right to send it was looked at (7.5)."""
    if email.status_code != EmailStatus.FAILED:
        raise ValueError("only an email that failed is sent again here")
    delivery.submit(email, now, by=email.submitted_by)


def _each(request: HttpRequest, queryset: QuerySet[Email], deed: Deed, noted: str) -> None:
    """Do it to each; say how many it worked for, and why not for the others."""
    done, refused, now = 0, Counter[str](), timezone.now()
    outgoing = Email.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)), direction_code=True)
    for email in outgoing.select_related("sender_mailbox").order_by("id"):
        try:
            deed(email, now)
        except (delivery.IllegalMove, ValueError) as error:
            refused[str(error)] += 1
        else:
            note(request, email.pk, noted)
            done += 1
    if done:
        messages.success(request, f"Done for {done} email{'' if done == 1 else 's'}.")
    for words, number in refused.most_common(NAMED):
        messages.error(request, f"Nothing was changed for {number}: {words}.")
    if not done and not refused:
        messages.info(request, "None of the chosen emails is in a state in which this can be done.")
