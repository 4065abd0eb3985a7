"""Contacts of Exchange (10.6, 10.8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from exchangelib.util import TNS, create_element
from lxml.etree import _Element as Element

from profiles.act_items import PostalAddress, Value
from profiles.connectors.ews.act.properties import (
    Path,
    Property,
    body,
    day,
    element,
    extended,
    words,
)
from profiles.connectors.ews.operations import text

NOON = time(11, 59)
"""Written with a birthday, as Outlook does, so that it is the same date in nearly every time zone."""
PARTS = {
    "street": "Street",
    "city": "City",
    "state": "State",
    "country": "CountryOrRegion",
    "postal_code": "PostalCode",
}
_ADDRESS_SET = {"DistinguishedPropertySetId": "Address", "PropertyType": "String"}


def _entry(item: Element, container: str, key: str) -> Element | None:
    for found in item.iterfind(f"{{{TNS}}}{container}/{{{TNS}}}Entry"):
        if found.get("Key") == key:
            return found
    return None


def _listed(field: str, uri: str, container: str, key: str) -> Property:
    """One of the mail addresses or phone numbers."""
    path = Path.indexed(uri, key)

    def read(item: Element) -> Value:
        found = _entry(item, container, key)
        return None if found is None else found.text or None

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        if not value:
            return [(path, None)]
        entry = element("Entry", str(value))
        entry.set("Key", key)
        return [(path, _within(container, entry))]

    return Property(field, (Path.field(f"contacts:{container}"),), read, write)


def _mail(field: str, key: str) -> Property:
    return _listed(field, "contacts:EmailAddress", "EmailAddresses", key)


def _phone(field: str, key: str) -> Property:
    return _listed(field, "contacts:PhoneNumber", "PhoneNumbers", key)


def _postal(field: str, key: str) -> Property:
    def read(item: Element) -> Value:
        found = _entry(item, "PhysicalAddresses", key)
        parts = {} if found is None else {ours: text(found, theirs) for ours, theirs in PARTS.items()}
        return PostalAddress(**parts) if any(parts.values()) else None

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        address = value if isinstance(value, PostalAddress) else PostalAddress()
        return [
            (
                Path.indexed(f"contacts:PhysicalAddress:{theirs}", key),
                _part(key, theirs, getattr(address, ours)) if getattr(address, ours) else None,
            )
            for ours, theirs in PARTS.items()
        ]

    return Property(field, (Path.field("contacts:PhysicalAddresses"),), read, write)


def _part(key: str, name: str, content: str) -> Element:
    entry: Element = create_element("t:Entry", attrs={"Key": key})
    entry.append(element(name, content))
    return _within("PhysicalAddresses", entry)


def _within(container: str, entry: Element) -> Element:
    found: Element = create_element(f"t:{container}")
    found.append(entry)
    return found


def _children() -> Property:
    """Names of children: a list on Exchange, one text here."""
    path = Path.field("contacts:Children")

    def read(item: Element) -> Value:
        names = [found.text or "" for found in item.iterfind(f"{{{TNS}}}Children/{{{TNS}}}String")]
        return ", ".join(name for name in names if name) or None

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        names = [name.strip() for name in str(value or "").split(",") if name.strip()]
        if not names:
            return [(path, None)]
        found: Element = create_element("t:Children")
        for name in names:
            found.append(element("String", name))
        return [(path, found)]

    return Property("children", (path,), read, write)


# In the order of the schema, which Exchange insists on when an item is created.
PROPERTIES: tuple[Property, ...] = (
    body(),
    extended("government_id", {"PropertyTag": "0x3A07", "PropertyType": "String"}),
    extended("ftp_site", {"PropertyTag": "0x3A4C", "PropertyType": "String"}),
    extended("yomi_first_name", _ADDRESS_SET | {"PropertyId": "32812"}),
    extended("yomi_last_name", _ADDRESS_SET | {"PropertyId": "32813"}),
    words("full_name", "contacts:DisplayName"),
    words("first_name", "contacts:GivenName"),
    words("middle_name", "contacts:MiddleName"),
    words("nickname", "contacts:Nickname"),
    words("company", "contacts:CompanyName"),
    _mail("email_1", "EmailAddress1"),
    _mail("email_2", "EmailAddress2"),
    _mail("email_3", "EmailAddress3"),
    _postal("business_address", "Business"),
    _postal("home_address", "Home"),
    _postal("other_address", "Other"),
    _phone("assistant_phone", "AssistantPhone"),
    _phone("business_fax", "BusinessFax"),
    _phone("business_phone", "BusinessPhone"),
    _phone("business_phone_2", "BusinessPhone2"),
    _phone("callback", "Callback"),
    _phone("company_phone", "CompanyMainPhone"),
    _phone("home_phone", "HomePhone"),
    _phone("home_phone_2", "HomePhone2"),
    _phone("mobile_phone", "MobilePhone"),
    _phone("other_phone", "OtherTelephone"),
    _phone("pager", "Pager"),
    words("assistant", "contacts:AssistantName"),
    day("birthday", "contacts:Birthday", NOON),
    words("web_page", "contacts:BusinessHomePage"),
    _children(),
    words("department", "contacts:Department"),
    words("suffix", "contacts:Generation"),
    words("job_title", "contacts:JobTitle"),
    words("manager", "contacts:Manager"),
    words("spouse", "contacts:SpouseName"),
    words("last_name", "contacts:Surname"),
    day("anniversary", "contacts:WeddingAnniversary", NOON),
)
