"""The error catalogue: every error of ours and every row of 12.2 has an entry, and each entry says what helps."""

from __future__ import annotations

import pytest

from mailboxes import catalogue
from mailboxes.catalogue import ENTRIES, Entry, Nature, as_markdown, entry_for, entry_of, matching
from profiles.connectors import base
from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    FolderMissing,
    ItemDelayed,
    ItemRejected,
    MailboxUnavailable,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from profiles.connectors.ews.meanings import MEANINGS
from tests.world import ROOT

KINDS = [one for one in vars(base).values() if isinstance(one, type) and issubclass(one, ConnectorError)]
ROWS = [  # 12.2, by what the original calls them
    "Needs M365-admin approval",
    "Location undetermined",
    "Credentials wrong/missing",
    "No secure connection",
    "Configured with other organization",
    "InvalidIncomingEmailServerProfile",
    "…Configuration, host not found, timed out",
    "ConnectFailure",
    "SmtpException (syntax)",
    "OutgoingEmailAuthenticationError (535)",
    "HTTP 401",
    "HTTP 403",
    "ErrorInvalidLicense",
    "ErrorQuotaExceeded",
    "ErrorSubmissionQuotaExceeded",
    "ErrorSendAsDenied",
    "503",
    "ErrorInternalServerTransientError",
    "IncomingMailboxInternalCrmError",
    "80040216",
    "2147220891 (80040265)",
    "2147220956",
    "2147220970",
    "2147218677",
    "2147220192",
    "2147167669",
    "2147209462",
    "2147218683",
    "80040220",
    "80048306",
    "UserPrivilegeError",
    "8005E259",
    "8005E272",
    "8005E273",
    "8005E274",
    "8005E276",
    "MailboxDisabled",
    "InvalidForwardMailItem",
    "Organizer field missing",
    "ExchangeSyncSchedulingConflictsError",
    "Exchange 383",
    "Category enabled",
]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_original_catalogue_is_found_by_its_name(row: str) -> None:  # 12.2
    assert matching(row), row


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_an_entry_whatever_its_words(kind: type[ConnectorError]) -> None:
    assert isinstance(entry_for(kind, "words that nobody has foreseen"), Entry)
    assert isinstance(entry_for(kind, ""), Entry)


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.sentence)
def test_every_meaning_of_an_exchange_code_is_recognised(meaning) -> None:
    sentence = meaning.sentence.format(address="alice@us.test", username="sync@us.test", url="https://x.test/")
    found = entry_for(meaning.kind, f"{sentence} {MEANINGS[meaning][0]}")
    assert found is not None
    if issubclass(meaning.kind, MailboxUnavailable | AuthenticationFailed):
        assert found.nature is Nature.PERMANENT


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_every_entry_is_complete(entry: Entry) -> None:
    for text in (entry.meaning, entry.cause, entry.remedy):
        assert len(text) >= 7, text
        assert text[0].isupper() or text.startswith(("4", "`")), text
        assert text.endswith("."), text
    assert entry.code == entry.code.lower()
    assert " " not in entry.code
    assert entry.nature.consequence


def test_no_two_entries_share_an_address() -> None:
    assert len({entry.code for entry in ENTRIES}) == len(ENTRIES)
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


SENTENCES = [
    (AuthenticationFailed, "Whatever it says.", "credentials"),
    (AuthenticationFailed, "ErrorAccountDisabled", "account-disabled"),
    (OutcomeUnknown, "The line broke after the message was handed over: time-out.", "outcome-unknown"),
    (Throttled, "mail.test:995 asks to come less often.", "throttled"),
    (Throttled, "The mailbox alice@us.test has reached its sending limit.", "sending-limit"),
    (Transient, "host not found: pop.us.tset", "host-not-found"),
    (Transient, "mail.test:995 could not be reached within 30 s.", "connect-failure"),
    (Transient, "The mailbox alice@us.test is full. ErrorQuotaExceeded", "quota"),
    (Transient, "Something went wrong in this service: RuntimeError.", "own-error"),
    (MailboxUnavailable, "The certificate of mail.test:995 cannot be trusted: certificate has expired", "tls"),
    (MailboxUnavailable, "No secure connection to mail.test:995: wrong version number.", "tls"),
    (MailboxUnavailable, "mail.test:995 speaks IMAP, not POP3.", "wrong-port"),
    (MailboxUnavailable, "localhost leads to 127.0.0.1, which is local to this machine or network link.", "local-host"),
    (MailboxUnavailable, "mail.test:995 has no unique ids (UIDL), so new mail cannot be told from old.", "no-uidl"),
    (MailboxUnavailable, "The key “a” that sealed a stored password is missing.", "key-missing"),
    (MailboxUnavailable, "The email server profile has no user name. Enter one in the profile.", "credentials"),
    (FolderMissing, "The folder AAMk= is not in the mailbox alice@us.test any more.", "folder-missing"),
    (None, "Inbox: The folder AAMk= is not in the mailbox alice@us.test any more.", "folder-missing"),
    (ItemRejected, "sync may not send in the name that is in From. ErrorSendAsDenied", "send-as"),
    (ItemRejected, "mail.test:587 refused every recipient.", "recipient"),
    (ItemRejected, "The message has 9 bytes, but mail.test:587 takes no more than 5.", "too-large"),
    (ItemDelayed, "The server refused the message for now (451).", "item-delayed"),
    (None, "Incoming email of alice@us.test: mail.test:995 refused the user name or the password.", "credentials"),
    (None, "Incoming email: the server of POP3 answered no mailbox lately.", "server-silent"),
    (None, "No mailbox of POP3 was synchronized for 60 minutes: there has never been one.", "nothing-runs"),
]


@pytest.mark.parametrize(("kind", "words", "code"), SENTENCES)
def test_a_sentence_of_ours_leads_to_its_entry(kind, words: str, code: str) -> None:
    found = entry_for(kind, words)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("meaning", [one for one in MEANINGS if one.cause], ids=lambda meaning: meaning.sentence)
def test_the_cause_leads_where_the_words_lead(meaning) -> None:
    sentence = meaning.sentence.format(address="alice@us.test", username="sync@us.test", url="https://x.test/")
    kept, recognised = entry_of(meaning.cause, sentence), entry_for(None, f"{sentence} {MEANINGS[meaning][0]}")
    assert kept is not None
    assert recognised in (kept, None)


def test_what_is_kept_with_its_cause_needs_no_words() -> None:
    known = {cause for cause in Cause if entry_of(cause, "")}
    assert set(Cause) - known == {Cause.LOGIN_METHOD, Cause.PROTOCOL_DISABLED, Cause.ITEM, Cause.OTHER}
    assert entry_of(Cause.TLS_NAME, "host not found: x") is catalogue.BY_CODE["tls"]
    assert entry_of("", "host not found: x") is catalogue.BY_CODE["host-not-found"]
    assert entry_of("a cause of a later version", "All is well.") is None


def test_words_without_a_meaning_lead_nowhere() -> None:
    assert entry_for(None, "All is well.") is None
    assert matching("words that nobody has foreseen") == []
    assert matching("") == list(ENTRIES)


def test_the_text_in_the_documentation_is_the_catalogue() -> None:
    """After a change: manage.py error_catalogue > docs/errors.md"""
    assert (ROOT / "docs" / "errors.md").read_text() == as_markdown()
    assert all(f'<a id="{entry.code}">' in as_markdown() for entry in catalogue.ENTRIES)
