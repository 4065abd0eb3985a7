"""Sending mail through an Exchange mailbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from exchangelib.errors import ErrorFolderNotFound, ErrorItemNotFound, EWSError
from exchangelib.items import HARD_DELETE
from exchangelib.properties import ItemId

from profiles.connectors import mime
from profiles.connectors.base import (
    Cause,
    Conflict,
    ConnectorError,
    ItemRejected,
    OutcomeUnknown,
    Transient,
    Withdrawn,
)
from profiles.connectors.ews import operations
from profiles.connectors.ews.errors import surely_not_done, translate_item
from profiles.connectors.ews.headers import split
from profiles.connectors.ews.session import EwsSession
from profiles.items import Access, Letter, Progress, Receipt, Trace, no_progress

LONGEST_LINE = 900
"""Bytes of one line of the Bcc header; RFC 5322, 2.1.1 allows 998."""


class EwsOutbox:
    """An Outbox over EWS: a letter becomes a draft that bears our mark, then the draft is sent (law 7).

    So a crash, or a line that breaks, leaves something to find: the draft as long as the letter was not sent, and the
    copy in Sent Items afterwards.
    """

    def __init__(self, access: Access, progress: Progress = no_progress) -> None:
        self._session = EwsSession(access, progress)
        self._drafts: dict[str, ItemId] = {}
        self._look_first: set[str] = set()

    def trace(self, letter: Letter) -> Trace:
        """Where the letter is: still a draft (`send` will use that one), on its way or sent, or not to be found.

        A letter without a copy in Sent Items leaves no trace once it is sent.
        """
        self._drafts.pop(letter.mark, None)
        draft = self._find("drafts", letter.mark)
        if draft is not None:
            self._drafts[letter.mark] = draft
            return Trace.DRAFT
        # In the order in which a letter passes through the folders, so that it cannot slip by.
        if any(self._find(folder, letter.mark) for folder in ("outbox", "sentitems")):
            return Trace.SENT
        return Trace.NOT_THERE if letter.save_copy else Trace.CANNOT_TELL

    def send(self, letter: Letter, handing_over: Callable[[], None]) -> Receipt:
        """Save the letter as a draft, unless its draft was found by `trace`, and send it; the copy goes to Sent Items
        if the letter asks for one (7.8).

        Raises OutcomeUnknown when the server may or may not have sent it: `trace` tells. Raises ItemRejected, and
        removes the draft, when Exchange will not send this letter.
        """
        if letter.mark in self._look_first:
            self.trace(letter)
        draft = self._drafts.get(letter.mark) or self._create(letter)
        self._drafts[letter.mark] = draft
        self._look_first.discard(letter.mark)
        try:
            handing_over()
        except Withdrawn:
            del self._drafts[letter.mark]
            self._discard(draft)
            raise
        del self._drafts[letter.mark]
        self._submit(draft, letter)
        return Receipt()

    def discard(self, mark: str) -> None:
        """Remove every draft that bears this mark: a server may save one though the line broke, and a second when asked
        again. What a person has sent, and moved back into Drafts, is none."""
        self._drafts.pop(mark, None)
        seen: set[str] = set()
        while (found := self._find("drafts", mark)) is not None and found.id not in seen:
            seen.add(found.id)
            with self._session.talking():
                [told] = self._session.new(operations.GetItem).ask([found.id], "is_draft")
                if isinstance(told, ErrorItemNotFound):
                    continue
                if isinstance(told, EWSError):
                    raise translate_item(told, self._session.access)
                if operations.text(operations.item(told), "IsDraft") != "true":
                    return
                [gone] = self._session.new(operations.DeleteItem).ask([found.id], HARD_DELETE)
                if isinstance(gone, EWSError) and not isinstance(gone, ErrorItemNotFound):
                    raise translate_item(gone, self._session.access)

    def close(self) -> None:
        """Leave the connections to other mailboxes of the same account, or close them."""
        self._session.close()

    def _create(self, letter: Letter) -> ItemId:
        raw = with_envelope(letter)
        self._look_first.add(letter.mark)
        with self._session.talking():
            return self._session.new(operations.CreateItem).ask(self._session.folder("drafts"), raw, letter.mark)

    def _submit(self, draft: ItemId, letter: Letter) -> None:
        copy_to = self._session.folder("sentitems") if letter.save_copy else None
        try:
            with self._session.talking(), _draft_expected():
                self._session.new(operations.SendItem).ask(draft, copy_to)
        except ItemRejected as error:
            self._discard(draft)
            raise _naming_the_author(error, letter, self._session.access.address) from None
        except Conflict as error:
            # Somebody touched the draft; another look finds it under its new change key.
            self._look_first.add(letter.mark)
            raise Transient(
                "The draft was changed before it was sent.", words=error.words, cause=error.cause
            ) from error
        except OutcomeUnknown:
            raise
        except ConnectorError as error:
            if isinstance(error, Transient) and not surely_not_done(error):
                raise _unknown(error) from error
            self._drafts[letter.mark] = draft
            raise

    def _discard(self, draft: ItemId) -> None:
        """A refused draft must not be found, and sent, when its letter is sent again after a correction."""
        with suppress(ConnectorError), self._session.talking():
            self._session.new(operations.DeleteItem).ask([draft.id], HARD_DELETE)

    def _find(self, folder: str, mark: str) -> ItemId | None:
        with self._session.talking(), suppress(ErrorFolderNotFound):
            return self._session.new(operations.FindItem).ask(self._session.folder(folder), mark)
        return None


@contextmanager
def _draft_expected() -> Iterator[None]:
    """A draft that is gone may have been sent by an earlier attempt."""
    try:
        yield
    except ErrorItemNotFound:
        raise _unknown(Transient("The draft was gone when it should be sent.")) from None


def _unknown(error: Transient) -> OutcomeUnknown:
    message = f"Whether the message was sent is not known. {error}"
    return OutcomeUnknown(message, words=error.words, remedy=error.remedy, cause=error.cause)


def _naming_the_author(error: ItemRejected, letter: Letter, address: str) -> ItemRejected:
    """7.6: who lacks which right for whom, where Exchange will not let the mailbox send in the name that is in From."""
    author = mime.envelope(split(letter.raw)[0]).sender
    if error.cause is not Cause.SEND_AS or author is None or author.key == address.lower():
        return error
    return ItemRejected(
        f"{address} may not send in the name of {author.address}.",
        words=error.words,
        remedy=f"Give {address} one of two rights, in the Exchange Management Shell. To send as {author.address}: "
        f'Add-RecipientPermission "{author.address}" -Trustee "{address}" -AccessRights SendAs '
        f'(in Exchange Server: Add-ADPermission … -ExtendedRights "Send As"). To send on behalf: '
        f'Set-Mailbox "{author.address}" -GrantSendOnBehalfTo @{{Add="{address}"}}. Then send the email again.',
        cause=error.cause,
    )


def with_envelope(letter: Letter) -> bytes:
    """The letter's MIME with a Bcc header for the recipients that To and Cc do not name. Exchange sends to those named
    in the MIME and takes the Bcc header out.

    Raises ItemRejected for a malformed address, and if To or Cc name somebody who is not among the recipients: Exchange
    would send to them as well.
    """
    try:
        recipients = {address.lower(): address for address in map(mime.wire_address, letter.recipients)}
    except ValueError as error:
        raise ItemRejected(f"{error}.", remedy="Correct the recipients.", cause=Cause.RECIPIENT) from None
    head, body = split(letter.raw)
    envelope = mime.envelope(head)
    named = {_key(one.address): one.address for one in (*envelope.to, *envelope.cc) if one.is_valid}
    uncalled = [address for key, address in named.items() if key not in recipients]
    if uncalled:
        raise ItemRejected(
            f"Exchange would also send to {', '.join(uncalled)}, named in To or Cc but not among the recipients.",
            remedy="Add them to the recipients or take them out of To and Cc.",
            cause=Cause.RECIPIENT,
        )
    hidden = [address for key, address in recipients.items() if key not in named]
    fields = re.split(rb"\r?\n(?![ \t])", head.strip(b"\r\n"))
    kept = [field for field in fields if not field.lower().startswith(b"bcc:")]
    return b"\r\n".join([*_bcc(hidden), *kept, b"", body])


def _key(address: str) -> str:
    """By what an address in a header is held against the recipients, whose domains are A-labels."""
    with suppress(ValueError):
        return mime.wire_address(address).lower()
    return address.lower()


def _bcc(addresses: list[str]) -> Iterator[bytes]:
    """One Bcc header (RFC 5322, 3.6.3), folded; none if there is nobody to name."""
    if not addresses:
        return
    line = b"Bcc: "
    for number, address in enumerate(addresses):
        written = address.encode() + (b"," if number < len(addresses) - 1 else b"")
        if len(line) + len(written) > LONGEST_LINE:
            yield line.rstrip()
            line = b" "
        line += written + b" "
    yield line.rstrip()
