"""The answer to "why?": from the reason and the evidence of a ledger row to sentences (law 4, 5.8, 12.1). Pure.

The pages of administrators and owners and `manage.py why` say the same: what was decided, why, who was asked and what
each said, what was looked at, which settings mattered, and what would change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracking.decide.changing import FILTER_TEXTS, changes
from tracking.decide.forwarding import MAILBOX
from tracking.decide.verdicts import REASON_TEXTS, Reason

PENDING, TRACKED, IGNORED, QUARANTINED, GONE = range(5)  # as LedgerRow.state numbers them
VERDICTS: Mapping[int, str] = {
    PENDING: "Not decided yet",
    TRACKED: "Tracked",
    IGNORED: "Not tracked",
    QUARANTINED: "Kept aside",
    GONE: "Gone before it could be judged",
}
EXPIRED = "The evidence of this decision has expired, as the organization has set; the verdict and its reason stay."
PRIVATE = "private"

_PEOPLE: Mapping[str, str] = {
    "sender": "Sender",
    "recipient": "Recipient",
    "recipients": "Recipients",
    "record": "Record",
    "kind": "Kind of record",
    "delivered": "Delivered",
    "delivered_to": "Delivered to",
    "sender_matches": "Who the sender is",
}
_CONVERSATION: Mapping[str, str] = {
    "header": "Found in the header",
    "message_id": "Answers",
    "email": "Email",
    "looked_for": "Looked for",
    "found_by": "Found by",
    "because": "Counts because",
    "shared_addresses": "Addresses in common",
    "suggested": "May belong to email",
    "suggested_by": "Suggested by",
    "forward": "Marked as a forward",
}
_OTHERWISE: Mapping[str, str] = {
    "candidate": "Asked on behalf of",
    "filter": "Filter",
    "received": "Received",
    "start": "Start date",
    "size": "Size in bytes",
    "limit": "Largest size in bytes",
    "ignored_by": "Ignored by",
    "untracked_by": "Untracked by",
    "excluded": "Excluded is the",
    "value": "Namely",
    "forward_mailbox": "Came through the forward mailbox",
    "carried_for": "Carried mail for",
    "messages": "Messages in it",
    "candidates": "Who was asked",
    "further_candidates": "Further ones asked",
    "tracked_folder": "Lies in the tracked folder",
    "filed_with": "Belongs, by the folder’s rule, to",
    "filed_first": "What it belongs to was decided first by",
}
_LABELS = {**_PEOPLE, **_CONVERSATION, **_OTHERWISE}
_EMAILS = frozenset({"email", "suggested"})
_ELSEWHERE = frozenset({"candidates", "further_candidates", "candidate", "filter", "ignored_by", "untracked_by"})

_CORRELATING = (
    "email_correlation_enabled",
    "do_not_correlate_forwarded_emails_as_replies",
    "ignore_conversation_index_and_in_reply_to_for_correlation",
    "email_smart_matching_enabled",
)
_ASKING = (
    "use_filtering_method_of_syncing_mailbox_only_for_correlation",
    "accept_only_for_receiving_mailboxes",
    "sss_force_filtering_method_for_user_mailboxes",
)
SETTINGS: Mapping[int, tuple[str, ...]] = {
    Reason.DUPLICATE: ("sss_create_additional_queue_items_for_already_tracked_email",),
    Reason.NO_CORRELATION_MATCH: (*_CORRELATING, *_ASKING),
    Reason.CORRELATION_MATCH: _CORRELATING,
    Reason.NO_RECIPIENT_MATCH: ("recognize_list_and_bcc_delivery", *_ASKING),
    Reason.INTERNAL_EMAIL_REJECT: (
        "track_mail_between_users_as_two_activities",
        "keep_related_internal_email",
        "ignore_internal_email_detection_enhancement",
        "do_not_ignore_internal_email_to_queues",
        "ignore_internal_email_from_queues",
    ),
    Reason.SENDER_MATCH: ("resolve_for_inactive_entities", *_ASKING),
    Reason.NO_SENDER_MATCH: ("resolve_for_inactive_entities", *_ASKING),
    Reason.ACCEPT_ALL: _ASKING,
    Reason.FILTER_TAKES_NOTHING: _ASKING,
    Reason.TOO_LARGE: ("maximum_message_size",),
    Reason.RIGHTS_PROTECTED: ("restrict_irm_email_items",),
    Reason.OUR_OWN_COPY: ("keep_related_internal_email", "sss_save_outgoing_email_to_exchange_sent_folder"),
    Reason.TRACKED_BY_CATEGORY: ("track_categorized_items", "tracked_category"),
    Reason.CATEGORY_REMOVED: ("track_categorized_items", "tracked_category"),
    Reason.TRACKED_BY_FOLDER: ("folder_based_tracking", "folder_overwrites_manual_regarding"),
}
"""Which settings of the organization had a say, by the names of the fields of Policy."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a ledger row holds about one message. `again` means that it waits to be judged once more, `wished` that it
    waits because a person asked to track it."""

    state: int
    reason: int | None
    evidence: Mapping[str, Any]
    sender: str = ""
    mailbox: str = ""
    attempts: int = 0
    again: bool = False
    wished: bool = False
    has_expired: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One candidate: with which filter it was asked, and what it said (5.4, 5.7)."""

    name: str
    filter: str
    accepted: bool
    words: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was looked at; `email` is the id of the email it names."""

    label: str
    text: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything there is to say about one verdict, in words. `settings` are names of fields of Policy."""

    verdict: str
    because: str
    asked: tuple[Said, ...] = ()
    further: int = 0
    people: tuple[Fact, ...] = ()
    conversation: tuple[Fact, ...] = ()
    other: tuple[Fact, ...] = ()
    settings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    note: str = ""


def answer(decided: Decided) -> Answer:
    """The answer to "why?" about one message in one mailbox."""
    evidence, reason = decided.evidence, _reason(decided)
    judged = reason is not None and "ignored_by" not in evidence
    return Answer(
        verdict=VERDICTS.get(decided.state, VERDICTS[PENDING]),
        because=because(decided),
        asked=tuple(_asked(evidence)),
        further=_number(evidence.get("further_candidates")),
        people=_people(decided),
        conversation=facts(evidence, _CONVERSATION),
        other=facts(evidence, [key for key in evidence if key not in {*_PEOPLE, *_CONVERSATION, *_ELSEWHERE}]),
        settings=SETTINGS.get(reason, ()) if judged and reason is not None else (),
        changes=_changes(decided, reason),
        note=EXPIRED if decided.has_expired else "",
    )


def because(decided: Decided) -> str:
    """Why the row is in its state, as one sentence for people."""
    if "ignored_by" in decided.evidence:
        return f"{decided.evidence['ignored_by']} chose to ignore it."
    if decided.state == IGNORED and "untracked_by" in decided.evidence:
        return f"{decided.evidence['untracked_by']} took it out of tracking."
    if decided.state == PENDING:
        if decided.attempts:
            return f"It failed {decided.attempts} times and is tried again."
        if decided.wished:
            return "A person asked to track it: it is fetched and tracked at the next run."
        return "It is judged once more." if decided.again else "It has not been judged yet."
    if decided.state == QUARANTINED:
        times = "once" if decided.attempts == 1 else f"{decided.attempts} times"
        return f"It failed {times} and is kept aside until somebody decides."
    if decided.state == GONE:
        return "The server stopped showing it before it could be judged."
    return REASON_TEXTS.get(decided.reason if decided.reason is not None else -1, REASON_TEXTS[Reason.UNKNOWN])


def facts(evidence: Mapping[str, Any], keys: Iterable[str]) -> tuple[Fact, ...]:
    """Those entries of the evidence as people read them, in the order it was gathered. Ids for machines are left out."""
    wanted = set(keys) - {MAILBOX, "folder_rule"}
    return tuple(_fact(key, value) for key, value in evidence.items() if key in wanted)


def _people(decided: Decided) -> tuple[Fact, ...]:
    told = facts(decided.evidence, _PEOPLE)
    return told if "sender" in decided.evidence or not decided.sender else (Fact("Sender", decided.sender), *told)


def _reason(decided: Decided) -> int | None:
    """The reason of a verdict that stands; what waits, or is kept aside, has none."""
    if decided.state not in (TRACKED, IGNORED):
        return None
    return decided.reason if decided.reason in REASON_TEXTS else int(Reason.UNKNOWN)


def _changes(decided: Decided, reason: int | None) -> tuple[str, ...]:
    if "ignored_by" in decided.evidence:
        return changes(Reason.IGNORED_BY_A_PERSON, {})
    if reason is not None:
        return changes(reason, decided.evidence, decided.sender, decided.mailbox)
    if decided.state == QUARANTINED:
        return ("“Redo” judges it again once the error is mended; “Ignore” settles it without tracking.",)
    if decided.state == GONE:
        return ("It would be judged if it were moved back into a folder that is read.",)
    return ("The next cycle of the mailbox judges it; “Sync now” runs one at once.",)


def _asked(evidence: Mapping[str, Any]) -> Iterable[Said]:
    told = evidence.get("candidates")
    if isinstance(told, list):
        for one in told:
            words = REASON_TEXTS.get(one.get("reason", -1), REASON_TEXTS[Reason.UNKNOWN])
            yield Said(str(one.get("name", "")), filter_words(one.get("filter")), bool(one.get("accepted")), words)
    elif told == PRIVATE:
        yield Said(PRIVATE, "", False, "Who was asked is told to its owner only.")


def filter_words(value: Any) -> str:
    """A filter as the pages call it; what is no filter stays as it is."""
    return FILTER_TEXTS.get(value, str(value)) if isinstance(value, int) else str(value or "")


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _fact(key: str, value: Any) -> Fact:
    label = _LABELS.get(key, key.replace("_", " ").capitalize())
    return Fact(label, _text(key, value), str(value) if key in _EMAILS and value != PRIVATE else "")


def _text(key: str, value: Any) -> str:
    if key == "filter":
        return filter_words(value)
    if key == "candidates" and not isinstance(value, str):
        return "; ".join(f"{one['name']}: {'yes' if one['accepted'] else 'no'}. {_said(one)}" for one in value)
    if key == "sender_matches" and isinstance(value, Mapping):
        return _chosen(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value) or "nothing: the message names no earlier one"
    return str(value)


def _said(one: Mapping[str, Any]) -> str:
    return REASON_TEXTS.get(one["reason"], "")


def _chosen(told: Mapping[str, Any]) -> str:
    """Which records could be the sender, which of them it is, and why (5.12)."""
    first = [f"{one['name']} ({one['kind']})" for one in told["first"]]
    further = told["number"] - len(first)
    taken = f"{told['chosen'] or 'nobody'}, because {told['because']}"
    if told["number"] == 1:
        return taken
    return f"{taken}; of {told['number']}: {', '.join(first)}" + (f" and {further} more" if further else "")
