"""How one canonical field is read from, and written to, an item of Exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TypeAlias

from exchangelib.util import TNS, add_xml_child, create_element
from lxml.etree import _Element as Element

from profiles.act_items import Fields, Value
from profiles.connectors.base import Cause, ItemRejected
from profiles.connectors.ews.operations import moment, text


@dataclass(frozen=True, slots=True)
class Path:
    """The name of a property in a request: a field, an indexed field, or an extended one (a MAPI property)."""

    tag: str
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def field(cls, uri: str) -> Path:
        """Such as calendar:Location."""
        return cls("t:FieldURI", (("FieldURI", uri),))

    @classmethod
    def indexed(cls, uri: str, index: str) -> Path:
        """Such as the business phone among the phone numbers."""
        return cls("t:IndexedFieldURI", (("FieldURI", uri), ("FieldIndex", index)))

    @classmethod
    def extended(cls, attributes: Mapping[str, str]) -> Path:
        """A MAPI property by its tag, or by its set and number or name."""
        return cls("t:ExtendedFieldURI", tuple(attributes.items()))

    def xml(self) -> Element:
        """As it stands in a request."""
        return create_element(self.tag, attrs=dict(self.attributes))


Read: TypeAlias = Callable[[Element], Value]
Write: TypeAlias = Callable[[Value], Sequence[tuple[Path, Element | None]]]


@dataclass(frozen=True, slots=True)
class Property:
    """One canonical field. `asked` is what GetItem names; `write` gives, for each path that an update names, the element to
    set, or None to take it away. A field without `write` is decided by Exchange alone."""

    field: str
    asked: tuple[Path, ...]
    read: Read
    write: Write | None = None


def plain(field: str, uri: str, read: Read, value_of: Callable[[Value], str | None]) -> Property:
    """A field that is one element with text; the element bears the second half of the URI's name."""
    path, name = Path.field(uri), uri.partition(":")[2]

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        words = None if value is None else value_of(value)
        return [(path, None if words is None else element(name, words))]

    return Property(field, (path,), read, write)


def words(field: str, uri: str, name: str = "") -> Property:
    """A text; the empty one is none."""
    name = name or uri.partition(":")[2]
    return plain(field, uri, lambda item: text(item, name) or None, lambda value: str(value) or None)


def choice(field: str, uri: str, names: Mapping[str, str], otherwise: str) -> Property:
    """One of some words: ours → those of Exchange. What we do not know is read as `otherwise`."""
    name = uri.partition(":")[2]
    theirs: dict[str, str] = {}
    for ours, there in names.items():
        theirs.setdefault(there, ours)

    def value_of(value: Value) -> str:
        if str(value) not in names:
            raise ItemRejected(
                f"{field}: {value!r} is none of {', '.join(names)}.", remedy="Choose one of them.", cause=Cause.ITEM
            )
        return names[str(value)]

    return plain(field, uri, lambda item: theirs.get(text(item, name), otherwise), value_of)


def day(field: str, uri: str, at: time) -> Property:
    """A date, which Exchange keeps as a moment; `at` (UTC) is the time of the day that is written with it."""
    name = uri.partition(":")[2]

    def read(item: Element) -> Value:
        found = moment(item, name)
        return found.date() if found else None

    def value_of(value: Value) -> str:
        return instant(datetime.combine(as_date(field, value), at, UTC))

    return plain(field, uri, read, value_of)


def extended(field: str, attributes: Mapping[str, str]) -> Property:
    """A text in a MAPI property that EWS has no name of its own for."""
    path = Path.extended(attributes)

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        return [(path, extended_element(attributes, str(value)) if value else None)]

    return Property(field, (path,), lambda item: extended_text(item, attributes) or None, write)


def flag_and(field: str, flag: str, beside: str, value_of: Callable[[Value], str], *, first: bool) -> Property:
    """A reminder: an element that says whether there is one, and one with the rest, before it or (`first`) after it. It is
    written only."""
    paths = {name: Path.field(f"item:{name}") for name in (flag, beside)}

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        if value is None:
            return [(paths[flag], element(flag, "false"))]
        told = [(paths[flag], element(flag, "true")), (paths[beside], element(beside, value_of(value)))]
        return told if first else told[::-1]

    return Property(field, (), lambda _: None, write)


def body() -> Property:
    """The body as plain text, which is also how it is asked for."""
    path = Path.field("item:Body")

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        if not value:
            return [(path, None)]
        found = element("Body", str(value))
        found.set("BodyType", "Text")
        return [(path, found)]

    return Property("body", (path,), lambda item: text(item, "Body") or None, write)


def element(name: str, content: str) -> Element:
    """An element of the types namespace with text; what XML cannot hold is left out."""
    found: Element = create_element(f"t:{name}")
    found.text = "".join(sign for sign in content if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
    return found


def extended_element(attributes: Mapping[str, str], content: str) -> Element:
    """An extended property with its value."""
    found: Element = create_element("t:ExtendedProperty")
    found.append(create_element("t:ExtendedFieldURI", attrs=dict(attributes)))
    add_xml_child(found, "t:Value", element("Value", content).text or "")
    return found


def extended_text(item: Element, attributes: Mapping[str, str]) -> str:
    """The value of an extended property, "" if the item has none. Exchange may write a set id in capitals."""
    wanted = {name: value.lower() for name, value in attributes.items()}
    for found in item.iterfind(f"{{{TNS}}}ExtendedProperty"):
        uri = found.find(f"{{{TNS}}}ExtendedFieldURI")
        if uri is not None and wanted.items() <= {name: value.lower() for name, value in uri.attrib.items()}.items():
            return found.findtext(f"{{{TNS}}}Value") or ""
    return ""


def instant(value: datetime) -> str:
    """A moment as EWS takes it: UTC, whole seconds."""
    return value.astimezone(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_date(field: str, value: Value) -> date:
    """Raises ItemRejected for what is no date."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ItemRejected(f"{field}: {value!r} is no date.", remedy="Give a date.", cause=Cause.ITEM)
    return value


def read_all(properties: Sequence[Property], item: Element) -> dict[str, Value]:
    """The fields of an item; those it does not have are None."""
    return {one.field: one.read(item) for one in properties}


def write_all(properties: Sequence[Property], fields: Fields) -> list[tuple[Path, Element | None]]:
    """What to set for these fields, in the order of the table, which is that of the schema. Fields that only Exchange
    decides are passed over."""
    return [
        change
        for one in properties
        if one.write is not None and one.field in fields
        for change in one.write(fields[one.field])
    ]
