"""Every failure of an EWS request becomes one error of the family of `base` (law 8), in one place.

Nothing of what a server or a library says is passed on before passwords are taken out of it (law 10), and never the
content of an answer, which may be somebody's mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
from exchangelib import errors as ews
from exchangelib.errors import EWSError

from profiles.connectors.base import Cause, ConnectorError, MailboxUnavailable, Throttled, Transient
from profiles.connectors.ews.meanings import (
    BAD_ITEM,
    BUSY,
    NO_ACCESS,
    SIGN_IN,
    WRONG_SERVER,
    Meaning,
    UnreadableAnswer,
    of_code,
    of_status,
)
from profiles.connectors.words import said
from profiles.items import Access

PARSING = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
"""What exchangelib and lxml raise about answers that are not what they should be."""
UNCLEAR = frozenset({"ErrorTimeoutExpired", "ErrorInternalServerError", "ErrorInternalServerTransientError"})
"""Codes of servers that gave up waiting for themselves: the work may still be done."""


class HttpStatus(EWSError):
    """The server answered with this HTTP status instead of an envelope; `delay` is in seconds, if it gave one."""

    def __init__(self, status: int, delay: float | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.delay = delay


class BrokenAnswer(EWSError):
    """What came with status 200 is no whole SOAP envelope: a web page of a proxy, or only a part."""


class Stopped(requests.exceptions.ConnectionError):
    """Carries an error of ours, or of the caller's `progress`, out through the layers of the HTTP client."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class NotReached(Stopped):
    """The same, when there was no connection yet: the request has surely not been received."""


@contextmanager
def translated(access: Access) -> Iterator[None]:
    """Whatever is raised inside leaves as an error of the family of `base`; what the caller's own `progress` raised
    leaves as it is."""
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:
        stopped = next((cause for cause in causes(error) if isinstance(cause, Stopped)), None)
        # The words of the server are in `error` with all they hold: nobody prints them as the cause (law 10).
        raise (stopped.reason if stopped else translate(error, access)) from None


def translate(error: Exception, access: Access) -> ConnectorError:
    """The error of our family that `error` stands for."""
    if isinstance(error, ews.CASError):
        return _error(of_code(error.cas_error), error.cas_error, access)
    if isinstance(error, HttpStatus):
        meaning = of_status(error.status, error.delay is not None)
        return _error(meaning, str(error), access, error.delay)
    if isinstance(error, ews.RateLimitError):
        return _error(BUSY, "", access, error.wait)
    if isinstance(error, ews.UnauthorizedError):
        return _error(SIGN_IN, "", access)
    if isinstance(error, ews.RedirectError):
        return _error(WRONG_SERVER, "", access)
    if any(isinstance(cause, requests.RequestException) for cause in causes(error)):
        return _broken_line(error, access)
    if isinstance(error, ews.ResponseMessageError):
        back_off = getattr(error, "back_off", None)
        return _error(of_code(type(error).__name__), _said(error), access, back_off)
    return _unreadable(error, access)


def translate_item(error: Exception, access: Access) -> ConnectorError:
    """The same for the result of one item among several: here, missing access is about the item."""
    if isinstance(error, ews.ErrorAccessDenied):
        return _error(
            Meaning(BAD_ITEM.kind, NO_ACCESS.sentence, NO_ACCESS.remedy, NO_ACCESS.cause), _said(error), access
        )
    return translate(error, access)


def surely_not_done(error: BaseException) -> bool:
    """Whether the server cannot have done what was asked: there was no connection yet, or it refused clearly."""
    found = list(causes(error))
    if any(isinstance(cause, requests.RequestException) for cause in found):
        return any(isinstance(cause, NotReached) for cause in found)
    return any(isinstance(cause, ews.ResponseMessageError) and type(cause).__name__ not in UNCLEAR for cause in found)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was raised from or wraps, from the outside in."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (cause.__cause__, cause.__context__, *cause.args, getattr(cause, "reason", None))
        waiting += [found for found in inner if isinstance(found, BaseException)]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds in a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3); None if there is none."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    until = _date(value)
    asked_on = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - asked_on).total_seconds()) if until else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _error(meaning: Meaning, words: str, access: Access, delay: float | None = None) -> ConnectorError:
    about = {"address": access.address, "username": access.username or "the account", "url": access.url}
    sentence, remedy = meaning.sentence.format(**about), meaning.remedy.format(**about)
    words = said(words.encode(), access)
    if issubclass(meaning.kind, Throttled):
        wait = None if delay is None else timedelta(seconds=delay)
        return meaning.kind(sentence, delay=wait, words=words, remedy=remedy, cause=meaning.cause)
    return meaning.kind(sentence, words=words, remedy=remedy, cause=meaning.cause)


def _broken_line(error: Exception, access: Access) -> ConnectorError:
    if any(isinstance(cause, requests.exceptions.InvalidURL) for cause in causes(error)):
        message = f"{access.url} is no address of a server."
        return MailboxUnavailable(message, remedy=WRONG_SERVER.remedy, cause=Cause.SETTINGS)
    if any(isinstance(cause, requests.Timeout | TimeoutError) for cause in causes(error)):
        return Transient(f"Exchange did not answer within {access.timeout:g} s.", cause=Cause.TIMEOUT)
    return Transient("The connection to Exchange broke.", cause=Cause.BROKEN_LINE)


def _unreadable(error: Exception, access: Access) -> ConnectorError:
    """Of answers that exchangelib cannot read only the response code is told, if there is one."""
    code = re.search(r"(?:code|ResponseCode in ResponseMessage): (?:\w+:)?(\w+)", str(error))
    if isinstance(error, ews.TransportError) and code:
        return _error(of_code(code[1]), code[1], access)
    if isinstance(error, PARSING):
        return UnreadableAnswer("The server's answer could not be read.", cause=Cause.SERVER)
    return Transient(
        "The server's answer could not be read.",
        words="" if isinstance(error, EWSError) else type(error).__name__,
        remedy="Check that the address is that of EWS, not of a web page.",
        cause=Cause.SERVER,
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
