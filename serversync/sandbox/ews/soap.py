"""SOAP as Exchange Web Services speaks it: reading requests, building answers, faults and error messages.

Namespaces: `m` (messages) wraps operations and response messages, `t` (types) everything inside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

Element = etree._Element

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
PREFIXES = {"s": SOAP, "m": MESSAGES, "t": TYPES}

_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class EwsError(Exception):
    """A refusal with one of Exchange's response codes, given as a response message or as a fault.

    `back_off_ms` is the delay that a fault tells. As a response message it may be a "Warning" with `content`.
    """

    def __init__(
        self,
        code: str,
        text: str = "",
        *,
        back_off_ms: int | None = None,
        kind: str = "Error",
        content: tuple[Element, ...] = (),
    ) -> None:
        super().__init__(text or code)
        self.kind = kind
        self.content = content
        self.code = code
        self.text = text or code
        self.back_off_ms = back_off_ms


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """One parsed request: the operation element and the header block (None when the client sent none)."""

    operation: str
    body: Element
    header: Element | None


def read_request(data: bytes) -> SoapRequest:
    """Parse a request envelope. Raises EwsError(ErrorSchemaValidation) for anything but one operation in one."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        envelope = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise EwsError("ErrorSchemaValidation", f"The request is not XML: {error}") from error
    if envelope.getroottree().docinfo.internalDTD is not None:  # SOAP 1.1, 3: a message must not contain one
        raise EwsError("ErrorSchemaValidation", "The request must not have a document type declaration.")
    body = envelope.find(f"{{{SOAP}}}Body")
    if body is None or len(body) != 1:
        raise EwsError("ErrorSchemaValidation", "The request must be a SOAP envelope with one operation in its body.")
    return SoapRequest(local_name(body[0]), body[0], envelope.find(f"{{{SOAP}}}Header"))


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


def child(element: Element, name: str) -> Element | None:
    """The first child of that local name. Both namespaces count, because clients mix them up."""
    return next((inner for inner in element if local_name(inner) == name), None)


def children(element: Element | None) -> list[Element]:
    """The children of an element that may be absent."""
    return [] if element is None else list(element)


def inner_text(element: Element, name: str, default: str = "") -> str:
    """The text of the first descendant of that local name, or the default."""
    found = next((inner for inner in element.iter() if local_name(inner) == name), None)
    return default if found is None or found.text is None else found.text.strip()


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 forbids; hostile mail is full of them."""
    return _NOT_XML.sub("\ufffd", text)


def _element(namespace: str, name: str, content: tuple[object, ...], attributes: dict[str, str]) -> Element:
    made = etree.Element(f"{{{namespace}}}{name}", nsmap=PREFIXES)
    for key, value in attributes.items():
        made.set(key, clean(value))
    for part in content:
        if isinstance(part, etree._Element):
            made.append(part)
        elif part is not None:
            made.text = clean(wire_text(part))
    return made


def t(name: str, *content: object, **attributes: str) -> Element:
    """An element of the types namespace; content is text, a value or child elements, None is left out."""
    return _element(TYPES, name, content, attributes)


def m(name: str, *content: object, **attributes: str) -> Element:
    """An element of the messages namespace; content is text, a value or child elements, None is left out."""
    return _element(MESSAGES, name, content, attributes)


def wire_text(value: object) -> str:
    """A value as Exchange writes it: true/false, UTC times without fractions of a second, decimal integers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def success(operation: str, *content: Element | None) -> Element:
    """One response message that says the request, or one item of it, was done."""
    return m(f"{operation}ResponseMessage", m("ResponseCode", "NoError"), *content, ResponseClass="Success")


def refusal(operation: str, error: EwsError, content: Iterable[Element] = ()) -> Element:
    """One response message that says why an item was refused; `content` is the usual empty container after it."""
    return m(
        f"{operation}ResponseMessage",
        m("MessageText", error.text),
        m("ResponseCode", error.code),
        m("DescriptiveLinkKey", 0),
        *content,
        ResponseClass=error.kind,
    )


def response(operation: str, messages: Iterable[Element]) -> bytes:
    """The whole answer envelope of an operation, one response message per requested item, in order."""
    return answer(m(f"{operation}Response", m("ResponseMessages", *messages)))


def answer(content: Element) -> bytes:
    """An envelope with the server's version in its header, which clients probe before they trust it."""
    version = t(
        "ServerVersionInfo",
        MajorVersion="15",
        MinorVersion="2",
        MajorBuildNumber="1544",
        MinorBuildNumber="4",
        Version="V2017_07_11",
    )
    return _serialize(_envelope(_element(SOAP, "Header", (version,), {}), content))


def fault(error: EwsError) -> bytes:
    """A SOAP fault (sent with HTTP 500); a back-off is given in milliseconds, as the first Value of MessageXml."""
    code = etree.Element("faultcode", nsmap={"a": TYPES})
    code.text = f"a:{error.code}"
    words = etree.Element("faultstring")
    words.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
    words.text = clean(error.text)
    detail = etree.Element("detail")
    detail.append(_detail("ResponseCode", error.code))
    detail.append(_detail("Message", error.text))
    if error.back_off_ms is not None:
        detail.append(t("MessageXml", t("Value", error.back_off_ms, Name="BackOffMilliseconds")))
    return _serialize(_envelope(None, _element(SOAP, "Fault", (code, words, detail), {})))


def _detail(name: str, text: str) -> Element:
    made = etree.Element(f"{{{ERRORS}}}{name}", nsmap={"e": ERRORS})
    made.text = clean(text)
    return made


def _envelope(header: Element | None, content: Element) -> Element:
    return _element(SOAP, "Envelope", (header, _element(SOAP, "Body", (content,), {})), {})


def _serialize(envelope: Element) -> bytes:
    return _DECLARATION + etree.tostring(envelope, encoding="utf-8")
