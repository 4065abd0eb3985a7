"""What waits in the queues of a person: counts, the items of one queue, and what they are about (5.18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Exists, Func, Min, OuterRef, Q, QuerySet, UUIDField

from mailboxes.models import Queue, QueueItem
from mailboxes.ownership import queues_of, queues_open_to
from profiles.models import StateCode
from tracking.crm.models import Email
from tracking.decide.queue_moves import Move, Standing, allowed, standing_of
from tracking.facts.regarding import KeyAsText
from tracking.facts.visibility import mask_of, readable_among, visible_emails

Person = User | AnonymousUser
_OPEN = Q(state_code=StateCode.ACTIVE)


class Show(StrEnum):
    """Which items of a queue."""

    OPEN = "open"
    UNPICKED = "unpicked"
    MINE = "mine"
    CLOSED = "closed"


class TextAsKey(Func):
    """The other way round of KeyAsText: the UUID that a generic key holds as text; nothing where it is none."""

    output_field = UUIDField()
    template = "CASE WHEN %(expressions)s ~ '^[0-9a-f-]{36}$' THEN CAST(%(expressions)s AS uuid) END"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="REPLACE(%(expressions)s, '-', '')", **context)


@dataclass(frozen=True, slots=True)
class Described:
    """One item with what it is about, as far as the person may read it (12.1)."""

    item: QueueItem
    email: Email | None
    is_readable: bool
    title: str
    elsewhere: list[str]

    @property
    def standing(self) -> Standing:
        return standing_of(self.item.state_code == StateCode.ACTIVE, self.item.worker_id is not None)

    @property
    def moves(self) -> list[Move]:
        """What may be done with it now."""
        return allowed(self.standing)

    @property
    def seen(self) -> str:
        """The item and who works on it, as a form sends it back: nobody changes what they have not seen."""
        return f"{self.item.pk}:{self.item.worker_id or ''}"


def queues_with_counts(user: Person) -> list[Queue]:
    """The queues the person works in, each with `open`, `mine`, `unpicked` and `oldest`. One query."""
    is_open = Q(items__state_code=StateCode.ACTIVE)
    counted = queues_of(user).annotate(
        open=Count("items", filter=is_open),
        mine=Count("items", filter=is_open & Q(items__worker_id=user.pk)),
        unpicked=Count("items", filter=is_open & Q(items__worker__isnull=True)),
        oldest=Min("items__entered_on", filter=is_open),
    )
    return list(counted.order_by("name"))


def to_do(user: Person) -> int:
    """How much there is for this person: what they have picked, and what nobody has."""
    mine = Q(worker_id=user.pk) | Q(worker__isnull=True)
    return QueueItem.objects.filter(_OPEN, mine, queue__in=queues_of(user)).count()


def items_of(queue: Queue, show: Show, words: str, user: Person) -> QuerySet[QueueItem]:
    """The items of one queue: open ones oldest first, closed ones newest first. Words are looked for in subject and
    sender of what the person may read; one masked word is not given away by finding it."""
    condition = {
        Show.OPEN: _OPEN,
        Show.UNPICKED: _OPEN & Q(worker__isnull=True),
        Show.MINE: _OPEN & Q(worker_id=user.pk),
        Show.CLOSED: Q(state_code=StateCode.INACTIVE),
    }[show]
    order = ["-modified_on", "-pk"] if show is Show.CLOSED else ["entered_on", "pk"]
    items = QueueItem.objects.filter(condition, queue=queue).select_related("worker", "object_type").order_by(*order)
    return items.filter(object_type=_email_type(), object_id__in=_saying(words, items, user)) if words else items


def _saying(words: str, items: QuerySet[QueueItem], user: Person) -> QuerySet[Any]:
    inside = items.order_by().values_list(TextAsKey("object_id"))
    emails = visible_emails(user).filter(pk__in=inside)
    found = emails.filter(Q(subject__icontains=words) | Q(sender__icontains=words))
    return found.order_by().values_list(KeyAsText("pk"))


def described(items: Sequence[QueueItem], user: Person) -> list[Described]:
    """The items with their emails. Three queries, however many there are."""
    email_type = _email_type()
    ids = [item.object_id for item in items if item.object_type_id == email_type.pk]
    found = Email.objects.filter(pk__in=ids).defer("description", "safe_description")
    emails = {str(email.pk): email for email in found.select_related("regarding_type")}
    readable = readable_among(user, [email.pk for email in emails.values()])
    elsewhere = _elsewhere(items, user)
    lines = []
    for item in items:
        email = emails.get(item.object_id) if item.object_type_id == email_type.pk else None
        is_readable = email is not None and email.pk in readable
        places = elsewhere.get((item.object_type_id, item.object_id), {})
        others = [name for queue_id, name in places.items() if queue_id != item.queue_id]
        lines.append(Described(item, email, is_readable, _title(item, email, is_readable), sorted(others)))
    return lines


def _title(item: QueueItem, email: Email | None, is_readable: bool) -> str:
    if email is None:
        return "An email that is gone" if item.object_type_id == _email_type().pk else f"({item.object_type.name})"
    return (email.subject or "(no subject)") if is_readable else mask_of(email)


def _elsewhere(items: Sequence[QueueItem], user: Person) -> dict[tuple[int, str], dict[Any, str]]:
    """The queues in which these records wait as well, among those that this person knows of."""
    ids = {item.object_id for item in items}
    known = Q(queue__in=queues_of(user)) | Q(queue__in=queues_open_to(user))
    found = QueueItem.objects.filter(_OPEN, known, object_id__in=ids).order_by()
    places: dict[tuple[int, str], dict[Any, str]] = {}
    for type_id, object_id, queue_id, name in found.values_list(
        "object_type", "object_id", "queue", "queue__name"
    ).distinct():
        places.setdefault((type_id, object_id), {})[queue_id] = name
    return places


def of_email(email: Email, user: Person) -> list[Described]:
    """The items of one email in the queues of this person."""
    items = QueueItem.objects.filter(
        object_type=_email_type(), object_id=str(email.pk), queue__in=queues_of(user)
    ).select_related("queue", "worker", "object_type")
    return described(list(items.order_by("queue__name")), user)


def handed_to(user: Person, limit: int = 50) -> list[Email]:
    """Mail of queues of others that was handed to this person, newest first."""
    items = QueueItem.objects.filter(
        worker_id=user.pk,
        state_code=StateCode.INACTIVE,
        object_type=_email_type(),
        object_id=KeyAsText(OuterRef("pk")),
    ).exclude(queue__in=queues_of(user))
    mine = Email.objects.filter(Exists(items), owner_id=user.pk).defer("description", "safe_description")
    return list(mine.order_by("-sent_on", "-pk")[:limit])


def _email_type() -> ContentType:
    return ContentType.objects.get_for_model(Email)
