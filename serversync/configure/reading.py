"""Reading: every entry of a file as a draft of what its rows shall say, and every problem that shows without a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import IntegerChoices

from mailboxes.models import ActDeliveryMethod, IncomingDeliveryMethod, Leg, OutgoingDeliveryMethod
from mailboxes.policy import Policy, policy_from
from serversync.configure.document import Document, Place
from serversync.configure.tables import Field, Table, tables
from serversync.configure.values import WrongValue, converted, from_environment, known, option, text

ORGANIZATION_KEYS = ("name", "default_email_server_profile")
OPTION_SETTINGS: Mapping[str, type[IntegerChoices]] = {
    "default_incoming_email_delivery_method": IncomingDeliveryMethod,
    "default_outgoing_email_delivery_method": OutgoingDeliveryMethod,
    "default_act_delivery_method": ActDeliveryMethod,
}
"""Settings that are numbers of an option; a file names the option, as everywhere else."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value of the file and where it stands. `column` is the name of the column it sets."""

    column: str
    value: Any
    place: Place


@dataclass(slots=True)
class Draft:
    """One entry as far as it could be read. `own` and `mailbox` are by column name, `further` by key."""

    table: Table
    place: Place
    own: dict[str, Given] = field(default_factory=dict)
    mailbox: dict[str, Given] = field(default_factory=dict)
    legs: dict[Leg, bool] = field(default_factory=dict)
    further: dict[str, Given] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What tells the row of this entry from others; "" where it is missing."""
        named = self.own.get(self.table.identity) or self.own.get(self.table.identity_else)
        return "" if named is None else str(named.value)


@dataclass(slots=True)
class OrganizationDraft:
    """The table `[organization]`: two columns, and the settings that differ from their defaults."""

    place: Place
    own: dict[str, Given] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)


def read(document: Document) -> tuple[OrganizationDraft | None, list[list[Draft]]]:
    """All entries by table, in the order in which they are applied. Notes problems in the document."""
    known_tables = tables()
    names = ["organization", *(table.name for table in known_tables)]
    for name in document.tables:
        if name not in names:
            document.blame(Place("", (name,)), "there is no such table.", known(names, name))
    return _organization(document), [_entries(document, table) for table in known_tables]


def _entries(document: Document, table: Table) -> list[Draft]:
    given = document.tables.get(table.name, [])
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        place = Place(f"[[{table.name}]]", (table.name,))
        document.blame(place, "this must be a list of tables.", f"Begin each entry with [[{table.name}]].")
        return []
    drafts = [_Reader(document, table, number, entry).read() for number, entry in enumerate(given)]
    _refuse_repetitions(document, drafts)
    return drafts


def _refuse_repetitions(document: Document, drafts: list[Draft]) -> None:
    """The same row twice in one file would be changed back and forth by every run."""
    first: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        mailbox = draft.further.get("mailbox")
        key = (draft.identity.lower(), str(mailbox.value) if mailbox else "")
        if draft.identity and first.setdefault(key, draft) is not draft:
            line = document.line(first[key].place.path)
            named = draft.own.get(draft.table.identity) or draft.own[draft.table.identity_else]
            document.blame(named.place, f"this is in line {line} already.", "Join the two.")


class _Reader:
    """Reads one entry of one table."""

    def __init__(self, document: Document, table: Table, number: int, entry: dict[str, Any]) -> None:
        self.document, self.table, self.entry = document, table, entry
        title = entry.get(table.identity) or entry.get(table.identity_else)
        label = f"[[{table.name}]] {title if isinstance(title, str) else f'entry {number + 1}'}"
        self.draft = Draft(table, Place(label, (table.name, number)))

    def read(self) -> Draft:
        """The draft; what is wrong is noted in the document."""
        for key, value in self.entry.items():
            if key == "mailbox" and self.table.mailbox:
                self._nested(value)
            else:
                self._own(key, value)
        if not self.draft.identity and self.table.identity not in self.entry:
            remedy = f"Give it, or {self.table.identity_else}." if self.table.identity_else else "Every entry needs it."
            self.document.blame(self.draft.place, f"the key {self.table.identity} is missing.", remedy)
        return self.draft

    def _nested(self, values: Any) -> None:
        """The table `[users.mailbox]` under an entry."""
        place = self.draft.place.at("mailbox")
        if not isinstance(values, dict):
            self.document.blame(place, "this must be a table.", f"Write [{self.table.name}.mailbox] below the entry.")
            return
        for key, value in values.items():
            if not self._of_the_mailbox(key, value, place.at(key)):
                self._unknown(place.at(key), [*self.table.mailbox, *self.table.legs])

    def _own(self, key: str, value: Any) -> None:
        """A key of the entry itself. The row's own column wins over the mailbox's of the same name."""
        place = self.draft.place.at(key)
        if key in self.table.further:
            self.draft.further[key] = Given(key, value, place)
        elif key in self.table.fields:
            self._take(self.draft.own, self.table.fields[key], value, place)
        elif not self._of_the_mailbox(key.removeprefix("mailbox_"), value, place):
            self._unknown(place, self.table.keys())

    def _of_the_mailbox(self, key: str, value: Any, place: Place) -> bool:
        """Take a key of the mailbox, if it is one."""
        if key in self.table.legs:
            if isinstance(value, bool):
                self.draft.legs[self.table.legs[key]] = value
            else:
                self.document.blame(place, "this is neither true nor false.", "Write true or false, without quotes.")
            return True
        if key in self.table.mailbox:
            self._take(self.draft.mailbox, self.table.mailbox[key], value, place)
            return True
        return False

    def _take(self, into: dict[str, Given], column: Field, value: Any, place: Place) -> None:
        if column.name in into:
            line = self.document.line(into[column.name].place.path)
            self.document.blame(place, f"this is in line {line} already.", "Keep one of the two.")
            return
        try:
            into[column.name] = Given(column.name, converted(column, value), place)
        except WrongValue as error:
            self.document.blame(place, str(error), error.remedy)

    def _unknown(self, place: Place, keys: list[str]) -> None:
        self.document.blame(place, "there is no such key.", known(keys, place.key))


def _organization(document: Document) -> OrganizationDraft | None:
    values = document.tables.get("organization")
    if values is None:
        return None
    draft = OrganizationDraft(Place("[organization]", ("organization",)))
    if not isinstance(values, dict):
        document.blame(draft.place, "this must be one table.", "Write [organization].")
        return None
    settings = Policy.__dataclass_fields__
    for key, value in values.items():
        place = draft.place.at(key)
        try:
            if key in ORGANIZATION_KEYS:
                draft.own[key] = Given(key, text(from_environment(value)), place)
            elif key in settings:
                draft.overrides[key] = _setting(key, value)
            else:
                document.blame(place, "there is no such setting.", known([*ORGANIZATION_KEYS, *settings], key))
        except WrongValue as error:
            document.blame(place, str(error), error.remedy)
    return draft


def _setting(key: str, value: Any) -> Any:
    """The value of one setting, of the right type. Raises WrongValue."""
    if key in OPTION_SETTINGS and isinstance(value, str):
        return option(OPTION_SETTINGS[key], value)
    try:
        policy_from({key: value})
    except ValueError as error:
        raise WrongValue(f"{error}.") from error
    return value
