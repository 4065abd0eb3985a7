"""The error catalogue: for every failure what it means, where it comes from and what helps (12.2). Pure.

One table (`ENTRIES`), shown as the page "Errors" of the help and as docs/errors.md. Alerts and legs store sentences, not
codes; `entry_for` finds the entry they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailboxes.catalogue.connections import CONNECTIONS
from mailboxes.catalogue.entry import Entry, Nature
from mailboxes.catalogue.messages import MESSAGES
from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    Conflict,
    ConnectorError,
    FolderMissing,
    ItemDelayed,
    ItemRejected,
    MailboxUnavailable,
    OutcomeUnknown,
    ResyncRequired,
    Throttled,
    Transient,
)

__all__ = ["ENTRIES", "Entry", "Nature", "as_markdown", "entry_for", "entry_of", "matching"]

ENTRIES: tuple[Entry, ...] = (*CONNECTIONS, *MESSAGES)
BY_CODE = {entry.code: entry for entry in ENTRIES}
# What a kind of error means where its words tell nothing more; and for some kinds, whatever the words.
_SETTLED: dict[type[ConnectorError], str] = {
    AuthenticationFailed: "credentials",
    OutcomeUnknown: "outcome-unknown",
    ItemDelayed: "item-delayed",
    Conflict: "item-changed",
    ResyncRequired: "resync",
    FolderMissing: "folder-missing",
}
_OTHERWISE: dict[type[ConnectorError], str] = {
    Throttled: "throttled",
    Transient: "connect-failure",
    MailboxUnavailable: "profile-incomplete",
    ItemRejected: "item-refused",
    ConnectorError: "server-error",
}
_CAUSES: dict[Cause, str] = {
    Cause.SETTINGS: "profile-incomplete",
    Cause.DNS: "host-not-found",
    Cause.LOCAL_HOST: "local-host",
    Cause.REFUSED_CONNECTION: "connect-failure",
    Cause.UNREACHABLE: "connect-failure",
    Cause.TIMEOUT: "connect-failure",
    Cause.BROKEN_LINE: "connect-failure",
    Cause.PORT: "wrong-port",
    Cause.TLS_NAME: "tls",
    Cause.TLS_CERTIFICATE: "tls",
    Cause.TLS_MODE: "tls",
    Cause.CA_FILE: "tls",
    Cause.UNENCRYPTED: "tls",
    Cause.NO_CREDENTIALS: "credentials",
    Cause.CREDENTIALS: "credentials",
    Cause.ACCOUNT_DISABLED: "account-disabled",
    Cause.IMPERSONATION: "impersonation",
    Cause.FULL_ACCESS: "impersonation",
    Cause.MAILBOX_MISSING: "location",
    Cause.WRONG_SERVER: "location",
    Cause.LICENCE: "licence",
    Cause.FOLDER: "folder-missing",
    Cause.UNIQUE_IDS: "no-uidl",
    Cause.QUOTA: "quota",
    Cause.SEND_AS: "send-as",
    Cause.RECIPIENT: "recipient",
    Cause.TOO_MANY_RECIPIENTS: "too-many-recipients",
    Cause.SIZE: "too-large",
    Cause.BUSY: "throttled",
    Cause.SENDING_LIMIT: "sending-limit",
    Cause.SERVER: "server-error",
    Cause.SERVER_VERSION: "location",
    Cause.CURSOR: "resync",
}
"""What is kept with its cause needs no words to be recognised by; the causes that are missing here say too little."""
_SIGNS = [(re.compile(entry.signs), entry) for entry in ENTRIES if entry.signs]
_ABOUT_ITEMS = [(pattern, entry) for pattern, entry in _SIGNS if entry in MESSAGES]


def entry_for(kind: type[ConnectorError] | None, words: str) -> Entry | None:
    """The entry of an error of this kind with these words (its sentence and what the server said).

    Without a kind, as for a stored sentence, only the words count; then None where they tell nothing.
    """
    if kind is None:
        return _recognised(_SIGNS, words)
    ancestors = [one for one in kind.__mro__ if issubclass(one, ConnectorError)]
    settled = next((_SETTLED[one] for one in ancestors if one in _SETTLED), None)
    if settled:
        return BY_CODE["account-disabled"] if _is(BY_CODE["account-disabled"], words) else BY_CODE[settled]
    found = _recognised(_ABOUT_ITEMS if issubclass(kind, ItemRejected) else _SIGNS, words)
    return found or BY_CODE[next(_OTHERWISE[one] for one in ancestors if one in _OTHERWISE)]


def entry_of(cause: str, words: str) -> Entry | None:
    """The entry of what was kept with its cause ("" for what is older); by its words where the cause tells nothing."""
    code = _CAUSES.get(Cause(cause)) if cause in set(Cause) else None
    return BY_CODE[code] if code else entry_for(None, words)


def matching(wanted: str) -> list[Entry]:
    """The entries in which every one of these words stands somewhere; all for an empty text."""
    words = wanted.casefold().replace("-", "−").split()
    return [entry for entry in ENTRIES if all(word in _all_text(entry) for word in words)]


def as_markdown() -> str:
    """The catalogue as docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "What each error means, where it comes from and what helps. The same page is in the console's help; alerts",
        "link to it. Written by `manage.py error_catalogue`.",
    ]
    for entry in ENTRIES:
        lines += ["", f'<a id="{entry.code}"></a>', f"## {entry.name}", "", *_facts(entry)]
    return "\n".join(lines) + "\n"


def _facts(entry: Entry) -> Iterable[str]:
    yield f"- **{entry.nature.value}.** {entry.nature.consequence}"
    yield f"- **Meaning:** {entry.meaning}"
    yield f"- **Cause:** {entry.cause}"
    yield f"- **What helps:** {entry.remedy}"
    if entry.known_as:
        yield f"- **Also known as:** {', '.join(entry.known_as)}"


def _recognised(signs: list[tuple[re.Pattern[str], Entry]], words: str) -> Entry | None:
    return next((entry for pattern, entry in signs if pattern.search(words)), None)


def _is(entry: Entry, words: str) -> bool:
    return bool(re.search(entry.signs, words))


def _all_text(entry: Entry) -> str:
    parts = (entry.code, entry.name, entry.nature.value, entry.meaning, entry.cause, entry.remedy, *entry.known_as)
    return " ".join(parts).casefold().replace("-", "−")
