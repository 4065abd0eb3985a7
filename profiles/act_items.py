"""Appointments, contacts and tasks as they cross the edge between this service and a mail server (10).

A connector turns whatever its server holds into these values and back; the engine knows nothing else. Each field has one
canonical name and one kind of value, listed in FIELDS: the left side of the tables of 10.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import TypeAlias


class ItemKind(StrEnum):
    """What is synchronized beside mail. Phone calls, letters and faxes are tasks on a server (10.7)."""

    APPOINTMENT = "appointment"
    CONTACT = "contact"
    TASK = "task"


@dataclass(frozen=True, slots=True, order=True)
class Attendee:
    """One person at a meeting. The address is lower case; whether two are the same person is decided by it alone."""

    address: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """One address of a contact."""

    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """One file of an appointment (10.3.8). Two are the same if name and content are; the content is told by its SHA-256,
    `digest`, and read where it is needed. Without a digest it is left out: it is known to be there, and left alone (5.19)."""

    name: str
    digest: str = ""
    size: int = field(default=0, compare=False)
    mime_type: str = field(default="", compare=False)
    content: Callable[[], bytes] | None = field(default=None, compare=False, repr=False)

    @property
    def is_left_out(self) -> bool:
        """Whether it is too large or of a blocked kind, or cannot be read."""
        return not self.digest


TakesFile: TypeAlias = Callable[[str, int], bool]
"""Whether a file of this name and size is synchronized, or left out (5.19)."""


class Frequency(StrEnum):
    """How a series repeats; the RELATIVE ones say "the second Tuesday", the others a day of the month."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    RELATIVE_MONTHLY = "relative-monthly"
    YEARLY = "yearly"
    RELATIVE_YEARLY = "relative-yearly"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The pattern of a series, all six kinds that Exchange has, in the time zone of the series.

    `interval` counts days, weeks, months (1 for the yearly kinds). `weekdays` are 0 = Monday … 6 = Sunday, sorted; a
    relative pattern may name several ("the last weekday"). `week` is 1–4, or -1 for the last. `day` and `month` are
    numbers of the calendar; a day that a month does not have means its last day. `first` is the first day of the
    series; it ends after `count` occurrences, on the day `until`, or never (both None). `first_weekday` is the day
    on which weeks begin, which matters for intervals of several weeks.
    """

    frequency: Frequency
    first: date
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    week: int = 0
    day: int = 0
    month: int = 0
    count: int | None = None
    until: date | None = None
    first_weekday: int = 0


Value: TypeAlias = (
    str
    | int
    | bool
    | date
    | datetime
    | PostalAddress
    | Recurrence
    | tuple[Attendee, ...]
    | tuple[Attached, ...]
    | tuple[str, ...]
    | None
)
"""What a field may hold: always comparable with ==, never a server's own object. Times are aware and in UTC, to the
second; an all-day appointment has dates (its `end` is the day after its last day, as in iCalendar)."""

Fields: TypeAlias = Mapping[str, Value]

NOTHING: Fields = MappingProxyType({})

SHOW_AS = ("free", "tentative", "busy", "out-of-office", "elsewhere")
IMPORTANCE = ("low", "normal", "high")
TASK_STATUS = ("not-started", "in-progress", "completed", "waiting", "deferred")

APPOINTMENT_FIELDS = (
    *("subject", "body", "location", "importance", "show_as", "is_private"),
    # aware UTC times, or dates where is_all_day; time_zone is the IANA name in which they were meant
    *("start", "end", "is_all_day", "time_zone"),
    # organizer: one Attendee in a tuple, or () where there is none; required, optional: sorted tuples of Attendee
    *("organizer", "required", "optional"),
    "recurrence",  # a Recurrence on the master of a series, else None
    # Attached, each name once, sorted by it; told of single appointments only, and where a store is asked for them
    "attachments",
)
TASK_FIELDS = (
    *("subject", "body", "importance", "status"),
    *("start", "due", "completed"),  # dates, or None
    "percent_complete",  # 0–100
)
CONTACT_FIELDS = (
    *("full_name", "first_name", "middle_name", "last_name", "suffix", "nickname", "yomi_first_name", "yomi_last_name"),
    *("company", "job_title", "department", "manager", "assistant", "assistant_phone"),
    *("email_1", "email_2", "email_3"),
    *("business_phone", "business_phone_2", "home_phone", "home_phone_2", "mobile_phone", "other_phone"),
    *("business_fax", "pager", "callback", "company_phone"),
    *("business_address", "home_address", "other_address"),  # PostalAddress
    *("web_page", "ftp_site", "birthday", "anniversary", "spouse", "children", "government_id", "body"),
)
FIELDS: Mapping[ItemKind, tuple[str, ...]] = MappingProxyType(
    {
        ItemKind.APPOINTMENT: APPOINTMENT_FIELDS,
        ItemKind.TASK: TASK_FIELDS,
        ItemKind.CONTACT: CONTACT_FIELDS,
    }
)


WRITE_ONLY = ("reminder",)
"""What may be told to a server beside FIELDS and is never read back (10.2.1, 10.7). Of an appointment the minutes before
its start, of a task the time; None = none."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of a series that differs from its pattern, known by the start it would have had (10.4). `fields`
    holds those of its fields that a server tells; what is not in it is as in the series."""

    original_start: datetime
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One appointment (or whole series), contact or task as it is on the server now.

    `key` is the server's; `version` (ChangeKey) differs after every change there, ours included. `mark` is our own id,
    if we made it or have marked it (law 7). `uid` stays the same in the calendars of all who take part
    (GlobalObjectId); "" for what is no appointment. `changed` holds the occurrences of a series that differ, `removed`
    the original starts of those that were deleted. `is_organizer` says that the owner of the mailbox called the
    meeting; True where nobody else is invited. `is_copy` says that a person has copied it from another item (10.1 j).
    `is_in_subfolder` says that it lies in a calendar below the main one (10.1 d).
    """

    kind: ItemKind
    key: str
    version: str
    fields: Fields
    mark: str = ""
    uid: str = ""
    categories: tuple[str, ...] = ()
    modified_on: datetime | None = None
    is_organizer: bool = True
    is_cancelled: bool = False
    changed: tuple[Occurrence, ...] = ()
    removed: tuple[datetime, ...] = ()
    is_copy: bool = False
    is_in_subfolder: bool = False


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One item a server shows: its key and version, never its content."""

    key: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One page of changes of all items of a kind, and the cursor that covers exactly them (as `items.Page`).

    `complete` stands on the last page of a listing that began without a cursor: all its pages together were everything
    there is, so what was on none of them is gone."""

    shown: tuple[Glimpse, ...]
    gone: tuple[str, ...]
    cursor: str
    more: bool = False
    complete: bool = False


class Notify(Enum):
    """Whom a server shall mail about a write to a meeting (10.2)."""

    NOBODY = "nobody"
    ALL = "all"
    CHANGED = "changed"  # those who were added or removed; all, where nobody was


@dataclass(frozen=True, slots=True)
class Written:
    """What a server answers to a write."""

    key: str
    version: str
