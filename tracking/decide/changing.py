"""What would change a verdict: the other half of the answer to "why?" (law 4, 5.8). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tracking.decide.verdicts import Filter, Reason

FILTER_TEXTS: Mapping[int, str] = {
    Filter.ALL: "All email messages",
    Filter.RESPONSES: "Email messages in response to our email",
    Filter.LEADS_CONTACTS_ACCOUNTS: "Email messages from leads, contacts and accounts",
    Filter.EMAIL_ENABLED: "Email messages from records that are email enabled",
    Filter.NONE: "No email messages",
}
"""5.4, as the pages call them."""
NOTHING = "Nothing would change this."
MOST = 12
_TAKES_ALL = FILTER_TEXTS[Filter.ALL]
_BY_WISH = (
    "It would be tracked if a person asked for it, put the category on it, or moved it into a tracked folder (5.6)."
)
_BY_A_PERSON = "It would be tracked if a person asked for this message explicitly (5.6)."

_ALWAYS: Mapping[int, tuple[str, ...]] = {
    Reason.UNKNOWN: ("“Redo” judges it again, and the reason is then known.",),
    Reason.DUPLICATE: (NOTHING + " There is one email for the same message, however often it arrives (5.10).",),
    Reason.OUR_OWN_COPY: (NOTHING + " The email was sent from here and is tracked already (7.8).",),
    Reason.OUR_TEST_MESSAGE: (NOTHING + " Messages that test a mailbox are never mail of anybody (3.10).",),
    Reason.UNPACKED: (NOTHING + " Look at the verdicts about the messages that it carried (8.2).",),
    Reason.INVALID_SENDER: (
        "It would be judged if it named a sender with a valid address; ask the sender’s system to correct its From.",
    ),
    Reason.RIGHTS_PROTECTED: ("It would be tracked if the organization did not leave out protected mail (5.20).",),
    Reason.IGNORED_BY_A_PERSON: ("It is judged again if somebody presses “Redo”, or asks to track it.",),
    Reason.REMOVED_BEFORE: (_BY_A_PERSON,),
    Reason.CATEGORY_REMOVED: ("It is tracked again if the category is put back on it, or a person asks for it.",),
    Reason.TRACKED_BY_A_PERSON: ("It would not be here if nobody had asked for it; removing it here is final (5.6).",),
    Reason.TRACKED_BY_CATEGORY: ("It is no longer tracked if the category is taken away from the message (5.23).",),
    Reason.TRACKED_BY_FOLDER: (
        "It would be judged by the filter if it did not lie in a tracked folder, or if that folder’s rule were removed (9.1).",
    ),
}
"""The reasons whose answer needs no evidence."""


def changes(reason: int, evidence: Mapping[str, Any], sender: str = "", mailbox: str = "") -> tuple[str, ...]:
    """What would turn this verdict round, as sentences; one that says so if nothing would. Never empty."""
    found = list(_ALWAYS.get(reason, ()))
    if not found:
        found += _WHOLE[reason](evidence, mailbox) if reason in _WHOLE else _by_candidate(reason, evidence, sender)
    if evidence.get("suggested"):
        found.append(
            "It would answer the email it may belong to if its sender took part in that conversation; "
            "a person can say so with “Belongs to…” once it is tracked."
        )
    return tuple(dict.fromkeys(found))[:MOST] or (NOTHING,)


def _by_candidate(reason: int, evidence: Mapping[str, Any], sender: str) -> Iterator[str]:
    """Each candidate's own answer (5.7); without a list of them that of the mailbox whose filter decided."""
    told = evidence.get("candidates")
    asked = told if isinstance(told, list) else []
    if not asked:
        name = str(evidence.get("candidate", "the owner"))
        asked = [{"name": name, "filter": evidence.get("filter", -1), "accepted": False, "reason": reason}]
    known = str(evidence.get("sender") or sender or "its sender")
    for one in asked:
        if not one.get("accepted"):
            speak = _CANDIDATES.get(one.get("reason", reason))
            yield from speak(f"{one['name']}’s", one.get("filter", -1), known, evidence) if speak else ()
    yield _BY_A_PERSON if reason == Reason.EXCLUDED else _BY_WISH


def _takes(whose: str, words: str) -> str:
    return f"It would be tracked if {whose} filter were “{words}”."


def _no_answer(whose: str, takes: int, sender: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    sought = evidence.get("looked_for")
    yield (
        "It would be tracked if the message it answers were tracked before it."
        if sought
        else "It would be tracked if it named a tracked email in its In-Reply-To or References."
    )
    yield _takes(whose, _TAKES_ALL)
    people = FILTER_TEXTS[Filter.LEADS_CONTACTS_ACCOUNTS]
    yield f"It would be tracked if {whose} filter were “{people}” and {sender} were one of them."


def _no_record(whose: str, takes: int, sender: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    recipients = evidence.get("recipients")
    who = f"one of {', '.join(map(str, recipients))}" if isinstance(recipients, list) and recipients else sender
    kinds = (
        "a contact, lead or account"
        if takes == Filter.LEADS_CONTACTS_ACCOUNTS
        else "an active record with this address"
    )
    yield f"It would be tracked if {who} were {kinds}."
    yield _takes(whose, _TAKES_ALL)


def _takes_nothing(whose: str, takes: int, sender: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    yield f"It might be tracked if {whose} filter took mail; it is “{FILTER_TEXTS[Filter.NONE]}”."


def _not_named(whose: str, takes: int, sender: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    yield f"It would be tracked if {whose} address stood in To, Cc or Bcc and the filter took it."
    yield _takes(whose, _TAKES_ALL)
    yield "It would be judged by the filter if the organization recognised delivery through lists and Bcc (5.9)."


def _internal(whose: str, takes: int, sender: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    yield "It would be tracked if it answered an email that is tracked (5.11)."
    yield "It would be judged by the filters if the organization tracked mail between users (5.11)."


def _excluded(whose: str, takes: int, sender: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    what, value = evidence.get("excluded"), evidence.get("value")
    if what and value:
        yield f"It would be judged if “never track” for the {what} {value} were removed."
    else:
        yield "It would be judged if whoever never wants such mail took that back."


Speak = Callable[[str, int, str, Mapping[str, Any]], Iterator[str]]
_CANDIDATES: Mapping[int, Speak] = {
    Reason.NO_CORRELATION_MATCH: _no_answer,
    Reason.NO_SENDER_MATCH: _no_record,
    Reason.FILTER_TAKES_NOTHING: _takes_nothing,
    Reason.NO_RECIPIENT_MATCH: _not_named,
    Reason.INTERNAL_EMAIL_REJECT: _internal,
    Reason.EXCLUDED: _excluded,
}


def _nobody(evidence: Mapping[str, Any], mailbox: str) -> list[str]:
    if evidence.get("candidate"):
        return list(_by_candidate(Reason.NO_RECIPIENT_MATCH, evidence, ""))
    return [
        "It would be judged if a recipient were a user or queue with a mailbox here that is approved, active and receives.",
        _BY_WISH,
    ]


def _too_old(evidence: Mapping[str, Any], mailbox: str) -> list[str]:
    received = str(evidence.get("received", "")).replace("T", " ")[:16]
    start = f"{received} UTC" if received else "the day it was received"
    return [f"It would be judged if the start date of {mailbox or 'the mailbox'} were before {start} (2.10).", _BY_WISH]


def _too_large(evidence: Mapping[str, Any], mailbox: str) -> list[str]:
    size = evidence.get("size")
    least = f"{size:,} bytes" if isinstance(size, int) else "its size"
    return [f"It would be taken if the largest message that is taken were {least} or more (5.19).", _BY_A_PERSON]


def _by_filter(evidence: Mapping[str, Any], mailbox: str) -> list[str]:
    """Tracked, because somebody's filter took it."""
    name = evidence.get("candidate")
    whose = f"{name}’s" if name else "the"
    told = evidence.get("candidates")
    others = [one for one in told if one.get("accepted")][1:] if isinstance(told, list) else []
    also = f" and {len(others)} more had not accepted it" if others else ""
    return [
        f"It would not be tracked if {whose} filter were “{FILTER_TEXTS[Filter.NONE]}”{also}.",
        "It would not be tracked if its sender, its domain or its conversation were never to be tracked.",
    ]


def _as_answer(evidence: Mapping[str, Any], mailbox: str) -> list[str]:
    return [
        "It would not count as an answer if the email it answers were not tracked here (6.1).",
        *_by_filter(evidence, mailbox),
    ]


def _as_record(evidence: Mapping[str, Any], mailbox: str) -> list[str]:
    who, record = evidence.get("sender") or evidence.get("recipient"), evidence.get("record")
    if not who or not record:
        return _by_filter(evidence, mailbox)
    return [f"It would not match if {who} were no longer the address of {record}.", *_by_filter(evidence, mailbox)]


_WHOLE: Mapping[int, Callable[[Mapping[str, Any], str], list[str]]] = {
    Reason.NO_RECIPIENT_MATCH: _nobody,
    Reason.BEFORE_START_DATE: _too_old,
    Reason.TOO_LARGE: _too_large,
    Reason.ACCEPT_ALL: _by_filter,
    Reason.SENDER_MATCH: _as_record,
    Reason.CORRELATION_MATCH: _as_answer,
}
