"""Autodiscover: which server has the mailbox of an address (2.7), as MS-OXDSCLI describes it.

An XML question is posted to well-known places of the address' domain. What answers may send us on to another place or
another address; credentials go over verified TLS only, so it cannot send us to a place without. exchangelib's own
autodiscover is not used: it follows any redirection, keeps a file and knows neither our host guard nor our deadlines.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape

import requests
from exchangelib.transport import NTLM, get_auth_instance
from lxml import etree
from requests.auth import HTTPBasicAuth

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    MailboxUnavailable,
    Throttled,
    Transient,
)
from profiles.connectors.ews.errors import HttpStatus, retry_after, translate, translated
from profiles.connectors.ews.session import authentication
from profiles.connectors.ews.wire import EndpointAdapter, reporting
from profiles.connectors.words import said
from profiles.items import Access, Progress, Tls, no_progress

PATH = "/autodiscover/autodiscover.xml"
MOST_QUESTIONS = 10
SCHEMAS = "http://schemas.microsoft.com/exchange/autodiscover/outlook"
QUESTION = (
    '<?xml version="1.0" encoding="utf-8"?>'
    f'<Autodiscover xmlns="{SCHEMAS}/requestschema/2006"><Request><EMailAddress>%s</EMailAddress>'
    f"<AcceptableResponseSchema>{SCHEMAS}/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
)
REDIRECTIONS = (301, 302, 303, 307, 308)
NETWORKS = ("EXPR", "EXCH")
"""Which protocol's address is taken: from outside the server's network, else from inside it, else any."""


def discover(access: Access, progress: Progress = no_progress) -> str:
    """The EWS address of the mailbox of `access`; its `url`, a host or an address, is asked first if there is one.

    Raises AuthenticationFailed at the first place that refuses the credentials, so that no account is locked; Throttled;
    MailboxUnavailable if nobody knows the mailbox; Transient if a place that might know it could not be asked.
    """
    if "@" not in access.address:
        remedy = "Correct the mailbox's address."
        raise MailboxUnavailable(f"{access.address!r} is no email address.", remedy=remedy, cause=Cause.SETTINGS)
    if not access.username:
        raise AuthenticationFailed(
            "There are no credentials for autodiscover.",
            remedy="Enter user name and password in the mailbox or profile.",
            cause=Cause.NO_CREDENTIALS,
        )
    return _Search(access, progress).run()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one place says: the address we look for, or where or for whom to ask, or why it cannot tell."""

    ews_url: str = ""
    next_url: str = ""
    next_address: str = ""
    words: str = ""


@dataclass(slots=True)
class _Search:
    access: Access
    progress: Progress
    waiting: deque[tuple[str, str]] = field(default_factory=deque)  # where to ask, for which address
    said: dict[str, str] = field(default_factory=dict)  # what was wrong, by place
    may_pass: bool = False
    refused: bool = False

    def run(self) -> str:
        address = self.access.address
        self.waiting.extend((url, address) for url in _places(self.access.url, address, self.access.tls))
        asked: set[tuple[str, str]] = set()
        while self.waiting and len(asked) < MOST_QUESTIONS:
            url, address = self.waiting.popleft()
            if (url, address) in asked:
                continue
            asked.add((url, address))
            answer = self._asked(url, address)
            if answer.ews_url:
                return answer.ews_url
            if answer.next_url:
                self.waiting.appendleft((answer.next_url, address))
            elif answer.next_address:
                self.waiting = deque((place, answer.next_address) for place in _places("", answer.next_address))
        raise self._nothing()

    def _asked(self, url: str, address: str) -> Answer:
        """What a place says; where it says nothing of use, it is noted why."""
        if not self._is_safe(url) and self.access.tls is not Tls.NONE:
            self._note(url, "the password would be sent there without encryption")
            return Answer()
        try:
            return self._checked(url, self._post(url, address))
        except (AuthenticationFailed, Throttled):
            raise
        except ConnectorError as error:
            remedy = error.remedy if error.cause is Cause.LOCAL_HOST else ""
            self._note(url, f"{error} {remedy}".strip(), may_pass=isinstance(error, Transient))
        return Answer()

    def _post(self, url: str, address: str) -> Answer:
        here = replace(self.access, url=url)
        with reporting(self.progress), translated(here), requests.Session() as session:
            session.trust_env = False
            session.mount(url, EndpointAdapter(here))
            session.auth = _credentials(here)
            response = session.post(
                url,
                data=(QUESTION % escape(address)).encode(),
                headers={"Content-Type": "text/xml; charset=utf-8"},
                timeout=here.timeout,
                allow_redirects=False,
            )
            return _read(response, url, here)

    def _checked(self, url: str, answer: Answer) -> Answer:
        """The answer, if it leads to no place where the credentials could be read on the way. Only to Exchange itself
        may they go in clear, where the profile has encryption off."""
        target = answer.ews_url or answer.next_url
        in_clear = bool(answer.ews_url) and self.access.tls is Tls.NONE and target.startswith("http://")
        if target and not self._is_safe(target) and not in_clear:
            self._note(url, f"it names {said(target.encode(), self.access)}, which is not encrypted or no address")
            return Answer()
        if answer.words:
            self.refused = True
            self._note(url, answer.words)
        return answer

    def _is_safe(self, url: str) -> bool:
        """https only, but for hosts of this machine that an administrator has allowed."""
        try:
            found = urlsplit(url)
            host, _ = found.hostname, found.port
        except ValueError:
            return False
        return bool(host) and (
            found.scheme == "https" or (found.scheme == "http" and host in self.access.allowed_local_hosts)
        )

    def _note(self, url: str, words: str, may_pass: bool = False) -> None:
        self.may_pass = self.may_pass or may_pass
        self.said[urlsplit(url).netloc] = words.rstrip(".")

    def _nothing(self) -> ConnectorError:
        address = self.access.address
        message = f"Autodiscover does not find the Exchange server of {address}."
        words = "; ".join(f"{place}: {why}" for place, why in self.said.items())
        remedy = (
            f"See that the name autodiscover.{_domain(address)} leads to Exchange and that Exchange knows the address, or "
            "turn autodiscover off in the server profile and enter the EWS address there."
        )
        if self.may_pass and not self.refused:
            return Transient(message, words=words, remedy=remedy, cause=Cause.WRONG_SERVER)
        cause = Cause.MAILBOX_MISSING if self.refused else Cause.WRONG_SERVER
        return MailboxUnavailable(message, words=words, remedy=remedy, cause=cause)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _places(first: str, address: str, tls: Tls = Tls.IMPLICIT) -> list[str]:
    """Where to ask: the place that the profile names, then the two well-known ones of the domain (MS-OXDSCLI 3.1.5)."""
    domain = _domain(address)
    return [*([_place(first, tls)] if first else []), f"https://autodiscover.{domain}{PATH}", f"https://{domain}{PATH}"]


def _place(named: str, tls: Tls) -> str:
    """A host or an address as the address to ask; that of another service on the same host is not asked itself."""
    if "://" not in named:
        named = f"{'http' if tls is Tls.NONE else 'https'}://{named}"
    url = urlsplit(named)
    return named if url.path.lower().endswith(".xml") else f"{url.scheme}://{url.netloc}{PATH}"


def _credentials(access: Access) -> Any:
    if authentication(access) == NTLM:
        return get_auth_instance(auth_type=NTLM, username=access.username, password=access.password)
    return HTTPBasicAuth(access.username.encode(), access.password.encode())


def _read(response: requests.Response, url: str, access: Access) -> Answer:
    """Raises ConnectorError for a refusal, and for what is no answer of autodiscover."""
    status = response.status_code
    if status in REDIRECTIONS and response.headers.get("Location"):
        return Answer(next_url=urljoin(url, response.headers["Location"]))
    if status != 200:
        error = translate(HttpStatus(status, retry_after(response.headers)), access)
        if isinstance(error, AuthenticationFailed | Throttled | Transient):
            raise error
        raise MailboxUnavailable(f"it answers with HTTP status {status}", cause=Cause.WRONG_SERVER)
    try:
        root = etree.fromstring(response.content, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or etree.QName(root).localname != "Autodiscover":
        raise MailboxUnavailable("it answers with something else than autodiscover", cause=Cause.WRONG_SERVER)
    return _told(root, access)


def _told(root: Any, access: Access) -> Answer:
    account = root.find("{*}Response/{*}Account")
    if account is None:
        error = root.find("{*}Response/{*}Error")
        told = [] if error is None else [_text(error, "ErrorCode"), _text(error, "Message"), _text(error, "DebugData")]
        words = " ".join(filter(None, told)) or "it names no account"
        return Answer(words=said(words.encode(), access))
    action = _text(account, "Action").casefold()
    if action == "redirecturl":
        return Answer(next_url=_text(account, "RedirectUrl"))
    if action == "redirectaddr":
        return Answer(next_address=_text(account, "RedirectAddr"))
    found = {_text(one, "Type").upper(): _text(one, "EwsUrl") for one in account.iterfind("{*}Protocol")}
    urls = [found.get(kind, "") for kind in NETWORKS] + list(found.values())
    url = next(filter(None, urls), "")
    return Answer(ews_url=url) if url else Answer(words="it names no address of Exchange Web Services")


def _text(element: Any, name: str) -> str:
    return (element.findtext(f"{{*}}{name}") or "").strip()
