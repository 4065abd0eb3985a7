"""Users, queues, their mailboxes and folder rules: entries that are several rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from mailboxes import membership, readers
from mailboxes.models import Approval, Leg, LegStatus, Mailbox, MailboxLeg, Queue, UserSettings
from mailboxes.models.leg import ensure_legs
from mailboxes.models.settings import current_policy
from serversync.configure.document import Document, Place
from serversync.configure.reading import Draft, Given
from serversync.configure.tables import RECORDS, SETTINGS_KEYS
from serversync.configure.values import WrongValue, from_environment, known, text
from serversync.configure.writing import Change, named, put
from tracking.decide.folders import BY_PATH
from tracking.facts.folder_rules import problems_with
from tracking.keep.folder_rules import note_changes
from tracking.models import MailboxTrackingFolder


def hash_passwords(document: Document, drafts: Iterable[Draft]) -> None:
    """Turn the log-in passwords of users into what is stored; the same password keeps its hash.

    Hashing is slow on purpose, so it is done before the transaction begins.
    """
    for draft in drafts:
        given = draft.further.get("password")
        if given is None:
            continue
        try:
            plain = text(from_environment(given.value))
        except WrongValue as error:
            document.blame(given.place, str(error), error.remedy)
            continue
        held = get_user_model().objects.filter(username=draft.identity).values_list("password", flat=True).first()
        stored = held if held and check_password(plain, held) else make_password(plain)
        draft.own["password"] = Given("password", stored, given.place)


def put_user(document: Document, draft: Draft, now: datetime) -> Change:
    """A user with settings and mailbox. A new user gets both by itself (3.1)."""
    model = get_user_model()
    user = model.objects.filter(username=draft.identity).first() or model(password=make_password(None))
    settings = {name: draft.own[name] for name in draft.own if name in SETTINGS_KEYS}
    account = [given for name, given in draft.own.items() if name not in settings]
    change = put(document, user, account, draft.place)
    if user.pk is None:
        return change
    zone = settings.get("time_zone")
    if zone is not None and zone.value not in available_timezones():
        document.blame(zone.place, f"“{zone.value}” is no time zone.", known(available_timezones(), zone.value))
    row, _ = UserSettings.objects.get_or_create(user=user)
    change = max(change, put(document, row, settings.values(), draft.place))
    held = Mailbox.objects.filter(regarding_user=user).first()
    with _readers_announced(held, now):
        mailbox = held or Mailbox(regarding_user=user, owner=user)
        return max(change, _put_mailbox(document, draft, mailbox, draft.own.get("email"), now))


def put_queue(document: Document, draft: Draft, now: datetime) -> Change:
    """A queue with members and mailbox. A new queue gets its mailbox by itself (3.1)."""
    queue = Queue.objects.filter(name=draft.identity).first() or Queue()
    with _readers_announced(Mailbox.objects.filter(regarding_queue=queue.pk).first(), now):
        return _put_queue(document, draft, queue, now)


@contextmanager
def _readers_announced(mailbox: Mailbox | None, now: datetime) -> Iterator[None]:
    """Whoever reads the mail of this mailbox from now on is announced to those whose it is, as after a form (12.1)."""
    before = readers.readers_of(mailbox) if mailbox is not None else set()
    yield
    if mailbox is not None:
        readers.announce(mailbox, before, None, now)


def _put_queue(document: Document, draft: Draft, queue: Queue, now: datetime) -> Change:
    change = put(document, queue, draft.own.values(), draft.place)
    if queue._state.adding:
        return change
    if "members" in draft.further:
        change = max(change, _put_members(document, queue, draft.further["members"]))
    mailbox = Mailbox.objects.filter(regarding_queue=queue).first() or Mailbox(regarding_queue=queue)
    return max(change, _put_mailbox(document, draft, mailbox, draft.own.get("email_address"), now))


def _put_members(document: Document, queue: Queue, given: Given) -> Change:
    """Exactly the people of the list work the queue."""
    if not isinstance(given.value, list) or not all(isinstance(name, str) for name in given.value):
        document.blame(given.place, "this must be a list of user names.", 'For example members = ["alice", "bob"].')
        return Change.UNCHANGED
    people = {named(document, get_user_model(), name, given.place) for name in given.value} - {None}
    if set(queue.members.all()) == people:
        return Change.UNCHANGED
    with membership.recorded(queue):
        queue.members.set(people)  # type: ignore[arg-type]
    return Change.CHANGED


def put_forward_mailbox(document: Document, draft: Draft, now: datetime) -> Change:
    """A mailbox of nobody, found by its address (1.5, 3.3)."""
    mailbox = Mailbox.objects.filter(email_address__iexact=draft.identity).first()
    if mailbox is None:
        mailbox = Mailbox(is_forward_mailbox=True, name=draft.identity)
    if not mailbox.is_forward_mailbox:
        _refuse_address(document, draft.own["email_address"], mailbox)
        return Change.UNCHANGED
    change = put(document, mailbox, draft.own.values(), draft.place)
    if mailbox._state.adding:
        return change
    return max(change, _put_legs(mailbox, draft.legs, now))


def _put_mailbox(document: Document, draft: Draft, mailbox: Mailbox, address: Given | None, now: datetime) -> Change:
    """The mailbox of a user or queue; its address is its owner's (3.1)."""
    given: dict[str, Given] = dict(draft.mailbox)
    if address is not None:
        holder = Mailbox.objects.exclude(email_address="").filter(email_address__iexact=address.value).first()
        if holder is not None and holder.pk != mailbox.pk:
            _refuse_address(document, address, holder)
            return Change.UNCHANGED
        given = _address_columns(address, mailbox) | given
    if mailbox._state.adding:
        given.setdefault("name", Given("name", draft.identity, draft.place))
    change = put(document, mailbox, given.values(), draft.place.at("mailbox"))
    return change if mailbox._state.adding else max(change, _put_legs(mailbox, draft.legs, now))


def _address_columns(address: Given, mailbox: Mailbox) -> dict[str, Given]:
    """A new address has to be approved (3.8), unless the file itself says that it is."""
    given = {"email_address": Given("email_address", address.value, address.place)}
    if address.value != mailbox.email_address:
        column, approval = "email_router_access_approval", Approval.PENDING if address.value else Approval.EMPTY
        given[column] = Given(column, approval, address.place)
    return given


def _refuse_address(document: Document, address: Given, holder: Mailbox) -> None:
    """1.3: one address, one mailbox; taking it over is a person's decision."""
    document.blame(address.place, f"this is the address of the mailbox “{holder}”.", "Choose another one.")


def _put_legs(mailbox: Mailbox, wanted: Mapping[Leg, bool], now: datetime) -> Change:
    """Switch directions on or off. What the engine has written about them stays, except that a direction that is
    switched on begins anew: not run, no failures, due now."""
    ensure_legs(mailbox, now)
    change = Change.UNCHANGED
    for leg, enabled in wanted.items():
        begins = {"status": LegStatus.NOT_RUN, "failures": 0, "due_on": now} if enabled else {}
        rows = MailboxLeg.objects.filter(mailbox=mailbox, leg=leg).exclude(enabled=enabled)
        if rows.update(enabled=enabled, **begins):
            change = Change.CHANGED
    return change


def put_folder(document: Document, draft: Draft, now: datetime) -> Change:
    """A folder rule: what lies in this folder belongs to that record (9.1)."""
    mailbox = _mailbox_of(document, draft)
    if mailbox is None:
        return Change.UNCHANGED
    rule = _rule_of(mailbox, draft) or MailboxTrackingFolder(mailbox=mailbox)
    given = [one for one in draft.own.values() if one.column != "folder_path"]
    path = draft.own.get("folder_path")
    if path is not None and "exchange_folder_id" not in draft.own and rule._state.adding:
        given.append(Given("exchange_folder_id", BY_PATH + draft.identity.strip("/"), path.place))
    if "regarding" in draft.further:
        given += _regarding(document, draft.further["regarding"])
    return put(document, rule, given, draft.place, lambda: _check_folder(rule, now))


def _rule_of(mailbox: Mailbox, draft: Draft) -> MailboxTrackingFolder | None:
    """The rule of this id; where only the path is given, the one whose folder lies there, or is still looked for."""
    rules = MailboxTrackingFolder.objects.filter(mailbox=mailbox)
    if "exchange_folder_id" in draft.own:
        return rules.filter(exchange_folder_id=draft.identity).first()
    path = draft.identity.strip("/")
    return rules.filter(Q(exchange_folder_id=BY_PATH + path) | Q(folder_path__iexact=path)).first()


def _check_folder(rule: MailboxTrackingFolder, now: datetime) -> None:
    """9.4: whether the folder is there shows when the mailbox is read; what can be known before is checked at once."""
    wrong = problems_with(rule, current_policy(), may_be_unknown=True)
    if wrong:
        raise ValidationError({column: [sentence] for column, sentence in wrong.items()})
    note_changes(rule, now)


def _mailbox_of(document: Document, draft: Draft) -> Mailbox | None:
    given = draft.further.get("mailbox")
    if given is None:
        document.blame(draft.place, "the key mailbox is missing.", "Name the address of the mailbox.")
        return None
    mailbox = Mailbox.objects.filter(email_address__iexact=str(given.value)).first()
    if mailbox is None:
        addresses = Mailbox.objects.exclude(email_address="").values_list("email_address", flat=True)[:1000]
        document.blame(given.place, f"no mailbox has the address “{given.value}”.", known(addresses, str(given.value)))
    return mailbox


def _regarding(document: Document, given: Given) -> list[Given]:
    """`{ contact = "Ann Ray" }` as the two columns of a generic key; nothing, with a problem noted, if it is nobody."""
    value: Any = given.value
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in RECORDS:
        kinds = ", ".join(RECORDS)
        document.blame(given.place, f"this must name one of: {kinds}.", 'For example { contact = "Ann Ray" }.')
        return []
    kind, name = next(iter(value.items()))
    record = named(document, RECORDS[kind][0], str(name), given.place)
    if record is None:
        return []
    return _generic_key(record, given.place)


def _generic_key(record: models.Model, place: Place) -> list[Given]:
    return [
        Given("regarding_type", ContentType.objects.get_for_model(record), place),
        Given("regarding_id", str(record.pk), place),
    ]
