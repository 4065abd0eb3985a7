"""An email in a queue becomes a case (5.18): what its customer writes from now on belongs to that case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from mailboxes.models import Queue, QueueItem
from tracking.crm.models import Account, Case, Contact, Email
from tracking.decide.queue_moves import Move
from tracking.facts.visibility import own_emails
from tracking.keep.belonging import belongs_to
from tracking.keep.queue_work import Refused, Seen, Worked, email_ids, moved, tell

UNREADABLE = "Only an email that you may read becomes a case."


def convert(queue: Queue, seen: Sequence[Seen], by: Any, now: datetime) -> Worked:
    """Each email becomes a case of its own, unless its conversation belongs to one already. The case has the subject as
    its title, the sender's account as its customer and `by` as its owner; the email and what its conversation holds of
    `by`'s mail belong to it, and later answers inherit that (5.17). The item is closed: the work goes on in the case."""
    worked = Worked()
    for one in sorted(seen, key=lambda one: one.item_id):
        with transaction.atomic():
            found = _convert(queue, one, by, now)
        worked.done += found.done
        worked.refused += found.refused
    return worked


def _convert(queue: Queue, one: Seen, by: Any, now: datetime) -> Worked:
    item = QueueItem.objects.filter(pk=one.item_id, queue=queue).first()
    email = own_emails(by).filter(pk__in=email_ids([item])).first() if item is not None else None
    if item is not None and email is None:
        return Worked(refused=[Refused(item, UNREADABLE)])
    if email is not None and (case := _case_of(email)) is not None:
        return Worked(refused=[Refused(item, f"It belongs to the case “{case}” already.")])
    worked = moved(queue, [one], Move.CONVERT, by, now, worker=by)
    if worked.done and email is not None:
        case = Case.objects.create(title=_title(email), customer_account=_customer(email), owner=by)
        belongs_to(email, case, True, by, now, among=own_emails(by))
        tell(queue, worked.done, Move.CONVERT, by, now, to=case.pk)
    return worked


def _case_of(email: Email) -> Case | None:
    """The case the email belongs to. Two people who convert one conversation at once come one after the other."""
    conversation = Email.objects.filter(conversation_tracking_id=email.conversation_tracking_id or email.pk)
    list(conversation.select_for_update().order_by("pk").values_list("pk"))
    email.refresh_from_db(fields=["regarding_type", "regarding_id"])
    if email.regarding_type_id != ContentType.objects.get_for_model(Case).pk:
        return None
    return Case.objects.filter(pk=email.regarding_id).first()


def _title(email: Email) -> str:
    return email.subject.strip()[:200] or "(no subject)"


def _customer(email: Email) -> Account | None:
    """The account that wrote, or that of the contact who wrote (5.12)."""
    sender = email.email_sender
    if isinstance(sender, Contact):
        return sender.parent_customer
    return sender if isinstance(sender, Account) else None
