"""Autodiscover with plain XML ("POX", MS-OXDSCLI): which server has the mailbox of an address."""

from __future__ import annotations

from typing import Any

from lxml import etree

from serversync.sandbox.ews.soap import clean
from serversync.sandbox.store import MailboxStore

PATH = "/autodiscover/autodiscover.xml"
OPERATION = "Autodiscover"
OUTER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
INNER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
UNKNOWN_ADDRESS = (500, "The e-mail address cannot be found.")
INVALID_REQUEST = (600, "Invalid Request")


def address_in(body: bytes) -> str:
    """The address a request asks about, "" if it cannot be read."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return ""
    return (root.findtext("{*}Request/{*}EMailAddress") or "").strip()


def answer(address: str, mailbox: MailboxStore | None, ews_url: str) -> bytes:
    """The settings of a mailbox; for an address that has none here an error, which Exchange gives with status 200."""
    root = etree.Element(f"{{{OUTER}}}Autodiscover", nsmap=_default(OUTER))
    if not address:
        _refuse(root, *INVALID_REQUEST)
    elif mailbox is None:
        _refuse(root, *UNKNOWN_ADDRESS)
    else:
        _settings(root, mailbox, ews_url)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _default(namespace: str) -> Any:
    """The namespace of elements without a prefix."""
    return {None: namespace}


def _refuse(root: etree._Element, code: int, message: str) -> None:
    response = etree.SubElement(root, f"{{{OUTER}}}Response")
    error = etree.SubElement(response, f"{{{OUTER}}}Error", Time="00:00:00.0000000", Id="1")
    etree.SubElement(error, f"{{{OUTER}}}ErrorCode").text = str(code)
    etree.SubElement(error, f"{{{OUTER}}}Message").text = message
    etree.SubElement(error, f"{{{OUTER}}}DebugData")


def _settings(root: etree._Element, mailbox: MailboxStore, ews_url: str) -> None:
    response = etree.SubElement(root, f"{{{INNER}}}Response", nsmap=_default(INNER))
    user = _below(response, "User")
    _below(user, "DisplayName", mailbox.address)
    _below(user, "AutoDiscoverSMTPAddress", mailbox.address)
    account = _below(response, "Account")
    _below(account, "AccountType", "email")
    _below(account, "Action", "settings")
    for kind in ("EXCH", "EXPR"):
        protocol = _below(account, "Protocol")
        _below(protocol, "Type", kind)
        _below(protocol, "ASUrl", ews_url)
        _below(protocol, "EwsUrl", ews_url)


def _below(parent: etree._Element, name: str, text: str = "") -> etree._Element:
    made = etree.SubElement(parent, f"{{{INNER}}}{name}")
    if text:
        made.text = clean(text)
    return made
