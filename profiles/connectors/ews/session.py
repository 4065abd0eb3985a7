"""The one place that opens Exchange accounts.

exchangelib keeps one protocol (a pool of connections) for each endpoint and credentials, for ever, and the first
configuration wins. So everything that tells two ways of access apart is part of the credentials here, protocols of
single persons are dropped when they are done, and a forked process starts with empty pools.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import LifoQueue
from typing import Any, TypeVar
from urllib.parse import urlsplit

from exchangelib import DELEGATE, IMPERSONATION, Account, Configuration, Credentials
from exchangelib.ewsdatetime import EWSTimeZone
from exchangelib.properties import DistinguishedFolderId, FolderId, Mailbox
from exchangelib.protocol import CachingProtocol, Protocol
from exchangelib.transport import BASIC, NTLM
from exchangelib.version import EXCHANGE_2013_SP1, Version
from requests.auth import HTTPBasicAuth

from profiles.connectors.base import AuthenticationFailed, Cause, MailboxUnavailable
from profiles.connectors.ews.errors import translated
from profiles.connectors.ews.operations import OneRequest
from profiles.connectors.ews.wire import EndpointAdapter, RaiseAtOnce, reporting
from profiles.items import Access, Progress, Tls

VERSION = Version(build=EXCHANGE_2013_SP1, api_version="Exchange2013_SP1")
"""Pinned: asking the server would cost a request per process. All later servers speak this version of the schema."""
UTC = EWSTimeZone("UTC")
DISTINGUISHED = frozenset(
    (
        *("inbox", "drafts", "outbox", "sentitems", "deleteditems", "junkemail"),
        *("calendar", "contacts", "tasks", "notes", "journal"),
        *("root", "msgfolderroot", "searchfolders"),
        *("archiveroot", "archivemsgfolderroot", "archiveinbox", "archivedeleteditems"),
    )
)
"""Folder names that mean the same in every mailbox; any other name is the id of a folder."""

# At this level exchangelib logs whole requests, which hold people's mail; whatever happened is raised as well.
logging.getLogger("exchangelib.util").addFilter(lambda record: record.levelno != logging.ERROR)

Operation = TypeVar("Operation", bound=OneRequest)


class Login(Credentials):
    """Credentials, and everything else that must be equal for two mailboxes to share connections."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.username, access.password)
        self.ca_file = access.ca_file
        self.allowed_local_hosts = access.allowed_local_hosts
        self.max_connections = access.max_connections
        self.timeout = access.timeout
        self.authentication = authentication(access)


class EndpointProtocol(Protocol):
    """exchangelib's protocol with connections of our own kind."""

    alive: weakref.WeakSet[EndpointProtocol] = weakref.WeakSet()

    def __init__(self, config: Configuration, access: Access) -> None:
        super().__init__(config=config)
        self._access = access
        self.alive.add(self)

    def create_session(self) -> Any:
        """A session that looks at no proxy settings of the environment and goes through our adapter."""
        session = super().create_session()
        session.trust_env = False
        session.mount(self.service_endpoint, EndpointAdapter(self._access))
        if self.auth_type == BASIC:
            # As text they would have to be Latin-1.
            session.auth = HTTPBasicAuth(self._access.username.encode(), self._access.password.encode())
        return session

    def start_afresh(self) -> None:
        """Forget all connections without closing them: they belong to the process that this one was forked from."""
        self._session_pool: LifoQueue[Any] = LifoQueue()
        self._session_pool_size = 0
        self._session_pool_lock = threading.Lock()
        self._version_lock = threading.Lock()


class _Cache:
    """Guards what is in exchangelib's cache of protocols, where ours must be found and no other."""

    lock = threading.Lock()


def _after_fork() -> None:
    _Cache.lock = threading.Lock()
    CachingProtocol._protocol_cache_lock = threading.Lock()
    for protocol in list(EndpointProtocol.alive):
        protocol.start_afresh()


os.register_at_fork(after_in_child=_after_fork)


class EwsSession:
    """One mailbox of `access`, opened on first use. Use it in one thread; connections are shared behind it."""

    def __init__(self, access: Access, progress: Progress) -> None:
        self.access = access
        self._progress = progress
        self._account: Account | None = None
        self._refused: AuthenticationFailed | None = None

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Around everything that asks the server: progress is reported and errors are translated (law 8). Credentials
        that were refused once are not tried again."""
        if self._refused:
            raise self._refused
        try:
            with reporting(self._progress), translated(self.access):
                yield
        except AuthenticationFailed as error:
            self._refused = error
            raise

    def new(self, operation: type[Operation]) -> Operation:
        """An operation on this mailbox. It keeps the state of a call, so each is used once."""
        if self._account is None:
            self._account = _open(self.access)
        return operation(account=self._account, timeout=self.access.timeout)

    def folder(self, name: str) -> FolderId:
        """The folder of a distinguished name such as "inbox", else of an id; costs no request."""
        if name in DISTINGUISHED:
            return DistinguishedFolderId(id=name, mailbox=Mailbox(email_address=self.access.address))
        return FolderId(id=name)

    def close(self) -> None:
        """Close the connections, unless they serve other mailboxes as well; never raises."""
        account, self._account = self._account, None
        if account is None or self.access.impersonate:
            return
        with suppress(KeyError), _Cache.lock:
            del EndpointProtocol[account.protocol.config]
        with suppress(Exception):
            account.protocol.close()


def authentication(access: Access) -> str:
    """How to sign in: Basic, or NTLM for a name of the form DOMAIN\\user, which only Windows authentication knows."""
    return NTLM if "\\" in access.username else BASIC


def _open(access: Access) -> Account:
    _check(access)
    config = Configuration(
        service_endpoint=access.url,
        credentials=Login(access),
        auth_type=authentication(access),
        version=VERSION,
        retry_policy=RaiseAtOnce(),
        max_connections=access.max_connections,
    )
    with _Cache.lock:
        # The account looks its protocol up in exchangelib's cache and finds ours there.
        EndpointProtocol(config=config, access=access)
        return Account(
            access.address,
            config=config,
            access_type=IMPERSONATION if access.impersonate else DELEGATE,
            default_timezone=UTC,
        )


def _check(access: Access) -> None:
    """What no server needs to be asked for. Raises MailboxUnavailable or AuthenticationFailed."""
    url = urlsplit(access.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise MailboxUnavailable(
            f"{access.url or 'An empty text'} is no address of an Exchange server.",
            remedy="Enter an address such as https://mail.example.com/EWS/Exchange.asmx.",  # 2.7
            cause=Cause.SETTINGS,
        )
    if url.scheme == "http" and access.tls is not Tls.NONE and url.hostname not in access.allowed_local_hosts:
        raise MailboxUnavailable(
            "The password would be sent without encryption.",
            remedy="Use an address that begins with https, or switch encryption off in the server profile.",
            cause=Cause.UNENCRYPTED,
        )
    if "@" not in access.address:
        raise MailboxUnavailable(f"{access.address!r} is no email address.", remedy="Correct the mailbox's address.")
    if not access.username:
        raise AuthenticationFailed(
            "There are no credentials for Exchange.",
            remedy="Enter user name and password in the mailbox or profile.",
            cause=Cause.NO_CREDENTIALS,
        )
