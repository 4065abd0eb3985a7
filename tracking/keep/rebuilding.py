"""Rebuilding emails from their originals, after a parser or a rule was mended (law 3): the same email, said better.

What a person has changed stays (`Email.edited_fields`), and so do ids, correlation, regarding, owner and every party that is
a record. What was removed stays removed (law 12). Doing it twice changes nothing the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.statements import insert_many, update_many
from tracking.crm.identity import dup_check, stored_message_id
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Email
from tracking.crm.models.events import EventKind, email_event
from tracking.decide.verdicts import Facts, Reason, Verdict
from tracking.facts.originals import Reread, rebuildable, reread
from tracking.facts.people import addresses_in, matches_of
from tracking.keep.emails import KeptEmail, build
from tracking.models import LedgerRow, Tombstone

COLUMNS = (
    "subject",
    "sender",
    "to_recipients",
    "in_reply_to",
    "conversation_index",
    "base_conversation_index_hash",
    "mime_type",
    "description",
    "preview",
    "automatic_kind",
    "internet_message_headers",
    "attachment_count",
    "notifications",
    "is_private",
)
_WITH = {"mime_type": "description", "preview": "description", "sender": "parties", "to_recipients": "parties"}
_ATTACHMENT = (
    "part_number",
    "file_name",
    "mime_type",
    "file_size",
    "attachment_content_id",
    "is_inline",
    "is_left_out",
    "left_out_because",
)
SHOWN = 120  # characters of a value
_Role = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs, its values shortened."""

    what: str
    before: str
    after: str


@dataclass(slots=True)
class Rebuilt:
    """What differs about one email. `problem` says why it is left alone; `note` what else to know."""

    email_id: UUID
    message_id: str
    changes: list[Change] = field(default_factory=list)
    problem: str = ""
    note: str = ""


@dataclass(slots=True)
class _Plan:
    """What would be written for one email."""

    email: Email
    told: Rebuilt
    columns: dict[str, Any] = field(default_factory=dict)
    new_parties: list[ActivityParty] = field(default_factory=list)
    renamed: list[ActivityParty] = field(default_factory=list)
    old_parties: list[int] = field(default_factory=list)
    new_files: list[ActivityMimeAttachment] = field(default_factory=list)
    changed_files: list[ActivityMimeAttachment] = field(default_factory=list)
    old_files: list[int] = field(default_factory=list)
    new_key: str = ""


def rebuild(ids: Collection[UUID], policy: Policy, now: datetime, *, apply: bool, by: Any = None) -> list[Rebuilt]:
    """Compare these emails with their originals; with `apply` write what differs, all of them in one transaction. The
    originals are read before it begins."""
    emails = list(_emails(ids))
    again = [reread(email) for email in emails]
    if not apply:
        return [plan.told for plan in _plans(emails, again, policy)]
    with transaction.atomic():
        locked = list(_emails(ids).select_for_update(of=("self",)))  # what a person has edited meanwhile counts
        plans = _plans(locked, again, policy)
        for plan in plans:
            if plan.told.changes:
                _write(plan, now, by)
    return [plan.told for plan in plans]


def _emails(ids: Collection[UUID]) -> Any:
    return rebuildable().filter(pk__in=ids).select_related("receiving_mailbox", "sender_mailbox").order_by("pk")


def _plans(emails: Sequence[Email], again: Sequence[Reread], policy: Policy) -> list[_Plan]:
    """Reads only."""
    built, by_id = _built_again(emails, again, policy), {one.email_id: one for one in again}
    ids = [email.pk for email in emails]
    parties, files, removed = _parties_of(ids), _files_of(ids), _removed(emails, by_id.values())
    plans = []
    for email in emails:
        one, kept = by_id[email.pk], built.get(email.pk)
        plan = _Plan(email, Rebuilt(email.pk, email.message_id, problem=one.problem))
        plans.append(plan)
        if one.original_id != email.original_id:
            plan.told.problem = "Its original was replaced meanwhile."
        elif email.pk in removed:
            plan.told.problem = "It was removed; what was removed stays removed."
        elif kept is not None and one.message is not None:
            _compare_columns(plan, kept.email)
            _compare_sender(plan, kept.email)
            if "parties" not in email.edited_fields:
                _compare_parties(plan, parties[email.pk], kept)
            _compare_files(plan, files[email.pk], kept.attachments)
            _compare_identity(plan, one)
    return plans


def _built_again(emails: Sequence[Email], again: Sequence[Reread], policy: Policy) -> dict[UUID, KeptEmail]:
    """The rows each email would have today, people resolved by what is known now; correlation and owner are not looked at."""
    read_well = {one.email_id: one for one in again if one.message is not None}
    messages = [one.message for one in read_well.values() if one.message is not None]
    by_address = matches_of(addresses_in(message.envelope for message in messages))
    found: dict[UUID, KeptEmail] = {}
    for email in emails:
        one = read_well.get(email.pk)
        if one is None or one.message is None or one.parsed is None:
            continue
        facts = Facts((), None, by_address=by_address, outgoing=bool(email.direction_code))
        mailbox = email.receiving_mailbox or email.sender_mailbox or Mailbox()
        kept = build(
            one.message,
            one.parsed,
            None,
            Verdict(True, Reason.UNKNOWN, {}),
            facts,
            mailbox,
            policy,
            email.created_on,
            email.pk,
        )
        found[email.pk] = kept
    return found


def _parties_of(ids: Collection[UUID]) -> dict[UUID, list[ActivityParty]]:
    found: dict[UUID, list[ActivityParty]] = defaultdict(list)
    kind = ContentType.objects.get_for_model(Email)
    for party in ActivityParty.objects.filter(activity_type=kind, activity_id__in=ids).order_by("id"):
        found[party.activity_id].append(party)
    return found


def _files_of(ids: Collection[UUID]) -> dict[UUID, list[ActivityMimeAttachment]]:
    found: dict[UUID, list[ActivityMimeAttachment]] = defaultdict(list)
    for one in ActivityMimeAttachment.objects.filter(email__in=ids).order_by("attachment_number"):
        found[one.email_id].append(one)
    return found


def _removed(emails: Sequence[Email], again: Collection[Reread]) -> set[UUID]:
    """Those whose content was removed from the mailbox that they came through (law 12)."""
    keys = {one.email_id: one.message.key for one in again if one.message is not None}
    tombstones = Tombstone.objects.filter(content_key__in=set(keys.values()))
    gone = set(tombstones.values_list("mailbox_id", "content_key"))
    return {
        email.pk
        for email in emails
        if email.pk in keys and (email.receiving_mailbox_id or email.sender_mailbox_id, keys[email.pk]) in gone
    }


def _compare_columns(plan: _Plan, new: Email) -> None:
    edited = set(plan.email.edited_fields)
    for name in COLUMNS:
        if name in edited or _WITH.get(name) in edited:
            continue
        _set(plan, name, getattr(new, name))


def _set(plan: _Plan, name: str, after: Any) -> None:
    before = getattr(plan.email, name)
    if before != after:
        plan.columns[name] = after
        plan.told.changes.append(Change(name, shortened(before), shortened(after)))


def _compare_sender(plan: _Plan, new: Email) -> None:
    """The record behind the sender stays, unless the address itself was read wrongly."""
    if "parties" in plan.email.edited_fields:
        return
    if plan.email.email_sender_id and "sender" not in plan.columns:
        return
    for name in ("email_sender_type_id", "email_sender_id", "is_duplicate_sender_unresolved"):
        _set(plan, name, getattr(new, name))


def _compare_parties(plan: _Plan, stored: Sequence[ActivityParty], kept: KeptEmail) -> None:
    """By role and address: what is a record stays one, whoever is new is added, whom the original does not name goes."""
    old, new = _by_role(stored), _by_role(kept.parties)
    for key in [*old, *(key for key in new if key not in old)]:
        have, want = old.get(key, []), new.get(key, [])
        resolved = any(one.party_id for one in have)
        same = len(have) == len(want) and not any(one.party_id for one in want)
        if have and want and (resolved or same):
            _compare_names(plan, have, want)
        elif have or want:
            plan.old_parties += [one.pk for one in have]
            for one in want if have else ():  # what became of it on its way is not in the message
                one.delivery_state, one.delivery_detail = have[0].delivery_state, have[0].delivery_detail
            plan.new_parties += want
            change = Change(f"party {key[0]}", _said(have), _said(want))
            plan.told.changes.append(change)


def _compare_names(plan: _Plan, have: Sequence[ActivityParty], want: Sequence[ActivityParty]) -> None:
    for number, party in enumerate(have):
        name = want[min(number, len(want) - 1)].unresolved_party_name
        if party.unresolved_party_name != name:
            told = Change("name of a party", shortened(party.unresolved_party_name), shortened(name))
            plan.told.changes.append(told)
            party.unresolved_party_name = name
            plan.renamed.append(party)


def _by_role(parties: Sequence[ActivityParty]) -> dict[_Role, list[ActivityParty]]:
    found: dict[_Role, list[ActivityParty]] = defaultdict(list)
    for party in parties:
        found[party.participation_type_mask, party.address_used.lower()].append(party)
    return found


def _said(parties: Sequence[ActivityParty]) -> str:
    return shortened("; ".join(f"{one.unresolved_party_name} <{one.address_used}>".strip() for one in parties))


def _compare_files(
    plan: _Plan, stored: Sequence[ActivityMimeAttachment], built: Sequence[ActivityMimeAttachment]
) -> None:
    """By number. What has bytes of its own did not come from the original and is left alone."""
    if "attachments" in plan.email.edited_fields:
        return
    old = {one.attachment_number: one for one in stored if one.blob_id is None}
    own = {one.attachment_number for one in stored} - old.keys()
    new = {one.attachment_number: one for one in built if one.attachment_number not in own}
    for number in sorted(old.keys() | new.keys()):
        have, want = old.get(number), new.get(number)
        if have is None and want is not None:
            plan.new_files.append(want)
        elif want is None and have is not None:
            plan.old_files.append(have.pk)
        elif have is not None and want is not None:
            if not any(getattr(have, name) != getattr(want, name) for name in _ATTACHMENT):
                continue
            before = _file(have)
            for name in _ATTACHMENT:
                setattr(have, name, getattr(want, name))
            plan.changed_files.append(have)
            plan.told.changes.append(Change(f"attachment {number}", before, _file(want)))
            continue
        plan.told.changes.append(Change(f"attachment {number}", _file(have), _file(want)))


def _file(one: ActivityMimeAttachment | None) -> str:
    if one is None:
        return ""
    left_out = f", left out: {one.left_out_because}" if one.is_left_out else ""
    return shortened(f"{one.file_name} ({one.mime_type}, {one.file_size} bytes{left_out})")


def _compare_identity(plan: _Plan, one: Reread) -> None:
    """5.10: another content key is written only if no email has it; otherwise it is told and the old one stays."""
    assert one.message is not None, "it was read"
    email, outgoing = plan.email, bool(plan.email.direction_code)
    guard = dup_check(one.message.key, outgoing)
    if guard == email.message_id_dup_check:
        return
    if Email.objects.filter(message_id_dup_check=guard).exists():
        plan.told.note = "Read anew, it is the same message as another email; its identity was left as it is."
        return
    plan.new_key = one.message.key
    plan.told.note = "Its identity is another one now."
    _set(plan, "message_id_dup_check", guard)
    _set(plan, "message_id", stored_message_id(one.message.message_id))


def shortened(value: Any) -> str:
    """A value for people, on one line."""
    text = " ".join(str("" if value is None else value).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


# Writing


def _write(plan: _Plan, now: datetime, by: Any) -> None:
    email = plan.email
    if "description" in plan.columns:
        plan.columns["safe_description"] = ""  # made anew when it is read
    if plan.new_key:
        _rename_rows(plan)
    Email.objects.filter(pk=email.pk).update(modified_on=now, **plan.columns)
    ActivityParty.objects.filter(pk__in=plan.old_parties).delete()
    insert_many(plan.new_parties)
    update_many(plan.renamed, ["unresolved_party_name"])
    ActivityMimeAttachment.objects.filter(pk__in=plan.old_files).delete()
    insert_many(plan.new_files)
    update_many(plan.changed_files, _ATTACHMENT)
    changed, who = sorted({one.what for one in plan.told.changes}), None if by is None else str(by.pk)
    insert_many([email_event(email, EventKind.EMAIL_REBUILT, now, changed=changed, by=who)])


def _rename_rows(plan: _Plan) -> None:
    """The ledger rows that stand for this content bear its new key, so that its next reading is a repetition."""
    email, outgoing = plan.email, bool(plan.email.direction_code)
    rows = LedgerRow.objects.filter(email=email, content_key__isnull=False)
    for row in rows.select_for_update():
        if dup_check(row.content_key or "", outgoing) != email.message_id_dup_check:
            continue
        if not LedgerRow.objects.filter(mailbox=row.mailbox_id, content_key=plan.new_key).exists():
            LedgerRow.objects.filter(pk=row.pk).update(content_key=plan.new_key)
