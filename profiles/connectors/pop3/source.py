"""Mail read over POP3. A POP3 server has one folder, no change feed and no categories (2.13).

**Keys.** A message's key is its UIDL unique id. Where a server breaks RFC 1939 §7 and gives the same id to several
messages, or none, their key is the id, "#" and a hash of size and header block, so that each keeps its key when
another goes; identical copies are told apart by "#2", "#3" in maildrop order. An id that is not visible ASCII is
replaced by its hash. So no message is ever hidden behind another; at worst one is read again under a new key.

**Cursor.** A hash of all keys in maildrop order: an idle poll costs one listing and changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from profiles.connectors.base import AuthenticationFailed, Cause, MailboxUnavailable, Transient
from profiles.connectors.finding import MOST_FOUND, sighting
from profiles.connectors.network import ReplyTooLong
from profiles.connectors.pop3.client import LARGEST_MESSAGE, Listed, Pop3Session, Refusal
from profiles.items import INBOX, Access, Arrival, Folder, Missing, Page, Progress, Search, Shown, Sought, no_progress

TOO_LARGE = f"The message is larger than {LARGEST_MESSAGE // 1024**2} MB and is never fetched."
HEADERS_LOOKED_AT = 200
"""Messages, from the newest, that a search looks at: as many as a person can wait for."""
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n|^\r?\n")


class Pop3Source:
    """A `MailSource` over POP3 (RFC 1939). The server is first reached on first use.

    One session serves a listing and the fetches after it; as a session shows an unchanging maildrop, the next listing
    begins a new one. Credentials that were refused once are not tried again by the same object.
    """

    def __init__(self, access: Access, progress: Progress = no_progress) -> None:
        self._access = access
        self._progress = progress
        self._session: Pop3Session | None = None
        self._maildrop: dict[str, Listed] = {}
        self._refused: AuthenticationFailed | None = None

    def folders(self) -> list[Folder]:
        """The inbox, which is all there is (2.13)."""
        total = sum(1 for _ in self.listing(INBOX))
        return [Folder(INBOX, "", "Inbox", "Inbox", total, kind=INBOX)]

    def create_folder(self, parent_key: str, name: str) -> Folder:
        """POP3 has no folders (2.13). Raises MailboxUnavailable."""
        raise _only_the_inbox(f"{name} cannot be created.")

    def changed_folders(self, stamps: Mapping[str, str]) -> dict[str, str]:
        """POP3 tells of no changes (2.13). Raises MailboxUnavailable."""
        raise _only_the_inbox("it does not tell which folders have changed.")

    def changes(self, folder: str, cursor: str) -> Iterator[Page]:
        """One page: empty if the maildrop is as `cursor` left it, else complete, oldest message first."""
        shown = tuple(self.listing(folder))
        found = hashlib.sha256("\n".join(item.key for item in shown).encode()).hexdigest()
        if found == cursor:
            yield Page(shown=(), gone=(), cursor=cursor)
        else:
            yield Page(shown=shown, gone=(), cursor=found, complete=True)

    def listing(self, folder: str) -> Iterator[Shown]:
        """Everything in the maildrop now, oldest first, as a new session sees it."""
        if folder != INBOX:
            raise _only_the_inbox(f"{folder} cannot be read.")
        self.close()
        with self._logged_in():
            shown = [Shown(key, message.size) for key, message in self._maildrop.items()]
        yield from shown

    def fetch(self, keys: Sequence[str], *, raw: bool) -> Iterator[Arrival | Missing]:
        """The messages. Without `raw` their headers alone (TOP), or the whole where the server cannot do that.

        Lines end with CRLF, the last one too, however the message was stored; all else is exactly as the server has it.
        Messages over LARGEST_MESSAGE are never fetched. Raises Transient when the connection breaks: what was yielded
        before is good, ask again for the rest.
        """
        left = deque(keys)
        while left:
            try:
                yield from self._fetch(left, raw)
            except ReplyTooLong:
                # The size the server told was a lie. The other messages are fetched in a new session.
                yield Missing(left.popleft(), gone=False, error=TOO_LARGE)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the messages; returns when the server has confirmed it. Ends the session. Raises Transient if the
        server did not confirm: list again to see what is gone (5.24)."""
        if not keys:
            return
        with self._logged_in() as session:
            numbers = [self._maildrop[key].number for key in dict.fromkeys(keys) if key in self._maildrop]
            if numbers:
                session.delete(numbers)
                self._forget()

    def categorize(self, keys: Sequence[str], category: str, *, instead_of: str = "") -> dict[str, str]:
        """POP3 has no categories (2.13)."""
        return {}

    def uncategorize(self, keys: Sequence[str], category: str) -> dict[str, str]:
        """POP3 has no categories (2.13)."""
        return {}

    def move(self, keys: Sequence[str], folder_name: str) -> dict[str, str]:
        """POP3 has no folders (2.13)."""
        return {}

    def move_to(self, keys: Sequence[str], folder: str) -> dict[str, str]:
        """POP3 has no folders (2.13)."""
        return {}

    def search(self, sought: Sought) -> Search:
        """Looks at the headers of the newest messages (TOP); POP3 itself cannot search, and shows only the inbox."""
        keys = [shown.key for shown in self.listing(INBOX)]
        newest = keys[-HEADERS_LOOKED_AT:][::-1]
        with self._logged_in() as session:
            if not session.tops:
                return Search(limits="This POP3 server cannot show headers alone (TOP), so nothing was looked at.")
        arrivals = [one for one in self.fetch(newest, raw=False) if isinstance(one, Arrival)]
        found = (sighting(one.key, INBOX, one.headers, one.received_on, sought) for one in arrivals)
        limits = "POP3 shows the inbox only, no other folder."
        if len(keys) > len(newest):
            limits += f" Of {len(keys)} messages the newest {len(newest)} were looked at."
        return Search(tuple(one for one in found if one is not None)[:MOST_FOUND], limits)

    def close(self) -> None:
        """Leave without a trace: nothing is deleted, nothing is marked as read (5.2). Never raises."""
        if self._session:
            self._session.close()
        self._forget()

    def _fetch(self, left: deque[str], raw: bool) -> Iterator[Arrival | Missing]:
        """One result for each key, which is taken from `left` right before its result is yielded."""
        with self._logged_in() as session:
            found = [self._maildrop.get(key) for key in left]
            only_headers = session.tops and not raw
            wanted = [message and (only_headers or not _too_large(message)) for message in found]
            asked = [message for message, is_wanted in zip(found, wanted, strict=True) if message and is_wanted]
            answers = session.headers(asked) if only_headers else session.retrieve(asked)
            for message, is_wanted in zip(found, wanted, strict=True):
                answer = next(answers) if is_wanted else None
                result = self._result(left.popleft(), message, answer, session)
                if only_headers and message and isinstance(result, Arrival):
                    result = replace(result, size=message.size, raw=None)
                yield result

    def _result(
        self, key: str, message: Listed | None, answer: bytes | Refusal | None, session: Pop3Session
    ) -> Arrival | Missing:
        if message is None:
            return Missing(key, gone=True)
        if answer is None:
            return Missing(key, gone=False, error=TOO_LARGE)
        if isinstance(answer, Refusal):
            return Missing(key, gone=False, error=answer.words)
        return Arrival(key, size=len(answer), headers=header_block(answer), raw=answer)

    @contextmanager
    def _logged_in(self) -> Iterator[Pop3Session]:
        """The session of this source, opened and listed if there is none; an error ends it."""
        if self._refused:
            raise self._refused
        session = self._session or self._open()
        try:
            yield session
        except Exception:  # also one of `progress`: whatever came in between, the answers are out of step now
            session.cut()
            if session is self._session:
                self._forget()
            raise

    def _open(self) -> Pop3Session:
        try:
            session = Pop3Session(self._access, self._progress)
        except AuthenticationFailed as error:
            self._refused = error
            raise
        try:
            self._maildrop = _keyed(session)
        except ReplyTooLong as error:
            session.cut()
            raise Transient(f"The list of messages has no end: {error}", cause=Cause.SERVER) from error
        except BaseException:
            session.cut()
            raise
        self._session = session
        return session

    def _forget(self) -> None:
        self._session = None
        self._maildrop = {}


def header_block(raw: bytes) -> bytes:
    """The header fields of a message with their line ends, without the empty line after them (RFC 5322 §2.1)."""
    end = END_OF_HEADERS.search(raw)
    if end is None:
        return raw
    return raw[: end.start()] + b"\r\n" if end.start() else b""


def _only_the_inbox(consequence: str) -> MailboxUnavailable:
    return MailboxUnavailable(
        f"A POP3 server has no folder but the inbox; {consequence}",
        remedy="Stop tracking this folder, or reach the mailbox through Exchange.",
        cause=Cause.FOLDER,
    )


def _too_large(message: Listed) -> bool:
    return message.size > LARGEST_MESSAGE


def _keyed(session: Pop3Session) -> dict[str, Listed]:
    """The maildrop in its order, each message under a key of its own (see the top of this module)."""
    messages = session.maildrop()
    times = Counter(message.uid for message in messages)
    clear = {message.uid for message in messages if message.uid and times[message.uid] == 1}
    unclear = [message for message in messages if message.uid not in clear]
    names = {message.number: name for message, name in zip(unclear, _content_names(session, unclear), strict=True)}
    keyed: dict[str, Listed] = {}
    for message in messages:
        key = name = names.get(message.number, message.uid)
        copies = 1
        while key in keyed or (key in clear and message.number in names):
            copies += 1
            key = f"{name}#{copies}"
        keyed[key] = message
    return keyed


def _content_names(session: Pop3Session, messages: Sequence[Listed]) -> Iterator[str]:
    if not messages:
        return
    answers = session.headers(messages) if session.tops else session.retrieve(messages)
    for message, answer in zip(messages, answers, strict=True):
        headers = b"" if isinstance(answer, Refusal) else header_block(answer)
        digest = hashlib.sha256(f"{message.size}\r\n".encode() + headers).hexdigest()[:32]
        yield f"{message.uid}#{digest}"
