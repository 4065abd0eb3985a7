"""From whom a person may send, to whom, and through which mailbox it leaves: what the rules of `sending_rules` are asked
about real rows (7.5–7.7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils.text import capfirst

from mailboxes import addresses
from mailboxes.models import AddressEntry, Mailbox, OutgoingDeliveryMethod, QueueMember, UserSettings
from mailboxes.models.settings import current_policy
from mailboxes.ownership import mailboxes_of
from mailboxes.policy import Policy
from profiles.models import StateCode
from tracking.crm.models import ActivityParty, Contact, Email, Participation
from tracking.crm.models.states import EmailStatus
from tracking.crm.sending_rules import Author, Recipient, problems_of, why_allowed, why_refused

SEND_AS_OTHERS = "crm.send_as_others"
_ROLES = (Participation.TO, Participation.CC, Participation.BCC)
_CHUNK = 500  # records or addresses named in one statement
_Key = tuple[int | None, str]  # content type and id of a record


class SendingRefused(ValueError):
    """The email may not be sent by this person, or to these people; `problems` are sentences that say what helps."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """A mailbox that one may send from, and in few words why."""

    mailbox: Mailbox
    reason: str


def senders_for(user: Any) -> list[SenderChoice]:
    """The mailboxes that this person may put into From: their own first, then their queues, then who allows it (7.5)."""
    wanted = Q(pk__in=mailboxes_of(user).values("pk"))
    if user.has_perm(SEND_AS_OTHERS):
        wanted |= Q(regarding_user__sync_settings__is_send_as_allowed=True, regarding_user__is_active=True)
    found = list(Mailbox.objects.filter(wanted, state_code=StateCode.ACTIVE).select_related("regarding_queue"))
    authors = zip(found, _authors(found, user), strict=True)
    choices = [SenderChoice(mailbox, reason) for mailbox, author in authors if (reason := why_allowed(author))]
    return sorted(choices, key=lambda choice: _place(choice.mailbox, user))


def _place(mailbox: Mailbox, user: Any) -> tuple[bool, bool, str]:
    return (mailbox.regarding_user_id != user.pk, mailbox.regarding_queue_id is None, mailbox.name.casefold())


def refusal_of_sender(mailbox: Mailbox, by: Any) -> str:
    """Why this person may not send from this mailbox, and who can change that; "" if they may (7.5)."""
    return why_refused(_authors([mailbox], by)[0])


def problems(email: Email, by: Any = None) -> list[str]:
    """What keeps the email from being sent by this person (None: by no person, but the service) to these people: a
    sentence for each problem, which names the sender or recipient and says what helps; [] if nothing does."""
    return _problems(email, by, current_policy())[0]


def prepare(email: Email, by: Any, policy: Policy) -> dict[str, Any]:
    """What submitting does first: everything that stands in the way is refused together, and recipients whose record has
    got its address meanwhile are given it. Returns through which mailbox the email leaves and whom it represents, as
    columns of the email. Raises SendingRefused."""
    found, completed = _problems(email, by, policy)
    if found:
        raise SendingRefused(found)
    if completed:
        ActivityParty.objects.bulk_update(completed, ["address_used"])
    is_fixed = email.original_id is not None and email.status_code != EmailStatus.DRAFT
    return {} if is_fixed else route(email, by, policy)


def route(email: Email, by: Any, policy: Policy) -> dict[str, Any]:
    """The mailbox that sends and the one whose address stands in From, where that is another (7.5, 7.6)."""
    author = author_of(email)
    own = _own_mailbox(by) if policy.enable_mailbox_delegation_for_outgoing_email else None
    if author is None or own is None or own == author or not (_is_on_exchange(own) and _is_on_exchange(author)):
        return {"sender_mailbox": author, "represents": None}
    return {"sender_mailbox": own, "represents": author}


def author_of(email: Email) -> Mailbox | None:
    """The mailbox whose address stands in From, whichever it leaves through."""
    return email.represents or email.sender_mailbox


def primary_address(record: models.Model) -> str:
    """The address a record is written to: the first of its kind, for a contact `email_address_1` alone (7.7); "" if it
    has none."""
    source = addresses.sources().get(type(record))
    return str(getattr(record, source.columns[0]) or "").strip() if source else ""


def _problems(email: Email, by: Any, policy: Policy) -> tuple[list[str], list[ActivityParty]]:
    author = author_of(email)
    if author is None:
        return ["From: the email has no mailbox to be sent from. Choose one."], []
    refusal = "" if by is None else refusal_of_sender(author, by)
    recipients, completed = _recipients(email)
    found = problems_of(recipients, policy.allow_unresolved_parties_on_email_send)
    return ([refusal, *found] if refusal else found), completed


def _authors(mailboxes: Sequence[Mailbox], by: Any) -> list[Author]:
    """What the rules need to know of each; consent and membership as they are now, not as a loaded row has them."""
    queues = {mailbox.regarding_queue_id for mailbox in mailboxes}
    works_in = set(QueueMember.objects.filter(queue__in=queues, user_id=by.pk).values_list("queue", flat=True))
    users = {mailbox.regarding_user_id for mailbox in mailboxes}
    agreed = set(UserSettings.objects.filter(user__in=users, is_send_as_allowed=True).values_list("pk", flat=True))
    sends_as_others = by.has_perm(SEND_AS_OTHERS)
    return [
        Author(
            name=mailbox.name or mailbox.email_address,
            address=mailbox.email_address,
            is_forward=mailbox.is_forward_mailbox,
            is_own=by.pk is not None and mailbox.regarding_user_id == by.pk,
            queue=mailbox.regarding_queue.name if mailbox.regarding_queue else "",
            owns_queue=by.pk is not None and getattr(mailbox.regarding_queue, "owner_id", None) == by.pk,
            works_in_queue=mailbox.regarding_queue_id in works_in,
            sends_as_others=sends_as_others,
            allows_others=mailbox.regarding_user_id in agreed,
        )
        for mailbox in mailboxes
    ]


def _own_mailbox(by: Any) -> Mailbox | None:
    """The submitter's mailbox, if it sends by itself."""
    if by is None:
        return None
    sends = {"outgoing_email_delivery_method": OutgoingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION}
    own = Mailbox.objects.filter(regarding_user_id=by.pk, state_code=StateCode.ACTIVE, **sends)
    return own.select_related("email_server_profile").first()


def _is_on_exchange(mailbox: Mailbox) -> bool:
    return mailbox.email_server_profile is not None and mailbox.email_server_profile.is_exchange


def _parties(email: Email) -> models.QuerySet[ActivityParty]:
    return ActivityParty.objects.filter(activity_id=email.pk, participation_type_mask__in=_ROLES).order_by("id")


def _recipients(email: Email) -> tuple[list[Recipient], list[ActivityParty]]:
    """Whom the rules are asked about; and the rows of those who were chosen while their record had no address, and whose
    record has got one since."""
    parties = list(_parties(email))
    records = _records((party.party_type_id, party.party_id) for party in parties if party.party_id)
    completed = []
    for party in parties:
        record = records.get((party.party_type_id, party.party_id))
        if record is not None and not party.address_used:
            party.address_used = primary_address(record)[:320]
            completed += [party] if party.address_used else []
    refusing = _refusing([party.address_used for party in parties if not party.party_id])
    known = [(party, records.get((party.party_type_id, party.party_id))) for party in parties]
    return [_recipient(party, record, refusing) for party, record in known], completed


def _recipient(party: ActivityParty, record: models.Model | None, refusing: dict[str, str]) -> Recipient:
    refuses = refusing.get(party.address_used.lower(), "") if record is None else ""
    if record is not None and getattr(record, "do_not_email", False):
        refuses = _named(record)
    return Recipient(
        role=party.get_participation_type_mask_display(),
        name=party.unresolved_party_name,
        address=party.address_used,
        record="" if record is None else _named(record),
        is_contact=isinstance(record, Contact),
        refuses=refuses,
    )


def _records(keys: Iterable[_Key]) -> dict[_Key, models.Model]:
    ids: dict[int, set[str]] = defaultdict(set)
    for type_id, record_id in keys:
        if type_id is not None:
            ids[type_id].add(record_id)
    found: dict[_Key, models.Model] = {}
    for type_id, wanted in ids.items():
        model = ContentType.objects.get_for_id(type_id).model_class()
        if model is None:  # its app is not installed any more
            continue
        for some in _pieces(sorted(wanted)):
            found |= {(type_id, str(one.pk)): one for one in model._default_manager.filter(pk__in=some)}
    return found


def _refusing(free: Iterable[str]) -> dict[str, str]:
    """Of addresses that nobody was chosen for: the record that has it and must not be sent email."""
    wanted = sorted({address.lower() for address in free if address})
    entries = [entry for some in _pieces(wanted) for entry in AddressEntry.objects.filter(address__in=some)]
    records = _records((entry.record_type_id, entry.record_id) for entry in entries)
    found = {}
    for entry in entries:
        record = records.get((entry.record_type_id, entry.record_id))
        if getattr(record, "do_not_email", False):
            found[entry.address] = _named(record)
    return found


def _pieces(values: list[str]) -> Iterable[list[str]]:
    return (values[first : first + _CHUNK] for first in range(0, len(values), _CHUNK))


def _named(record: Any) -> str:
    return f"{capfirst(record._meta.verbose_name)} {record}"
