"""The tables of 10.8: which field of Exchange is which column of ours, and which way each goes. Pure.

What is not simply copied is computed by `decide.field_values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from mailboxes.policy import Policy
from profiles.act_items import ItemKind
from tracking.decide.merge import Direction


class RecordKind(StrEnum):
    """The records of ours that are synchronized."""

    APPOINTMENT = "appointment"
    SERIES = "series"
    SERVICE = "service"
    TASK = "task"
    PHONE_CALL = "phone_call"
    LETTER = "letter"
    FAX = "fax"
    CONTACT = "contact"

    @property
    def item_kind(self) -> ItemKind:
        """What it is on a server: a series and a service activity are appointments (10.5), a phone call a task (10.7)."""
        if self in (RecordKind.APPOINTMENT, RecordKind.SERIES, RecordKind.SERVICE):
            return ItemKind.APPOINTMENT
        return ItemKind.CONTACT if self is RecordKind.CONTACT else ItemKind.TASK


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One row of a table. `field` is the name in `act_items`, `columns` are those of our record, () where it is made of
    other rows (the parties). A fixed direction is nobody's choice; a computed field is not simply copied."""

    field: str
    columns: tuple[str, ...]
    label: str
    default: Direction = Direction.BOTH
    is_fixed: bool = False
    is_computed: bool = False

    @property
    def allowed(self) -> tuple[Direction, ...]:
        """The directions that an administrator may choose."""
        return (self.default,) if self.is_fixed else tuple(Direction)


def _free(field: str, column: str, label: str) -> FieldMap:
    return FieldMap(field, (column,), label)


def _fixed(field: str, columns: Iterable[str], label: str, default: Direction = Direction.BOTH) -> FieldMap:
    return FieldMap(field, tuple(columns), label, default, is_fixed=True, is_computed=True)


def _address(number: int) -> tuple[str, ...]:
    parts = ("line_1", "line_2", "line_3", "city", "state_or_province", "postal_code", "country")
    return tuple(f"address_{number}_{part}" for part in parts)


_COMMON = (_free("subject", "subject", "Subject"), _free("body", "description", "Body and description"))
_IMPORTANCE = FieldMap("importance", ("priority_code",), "Importance and priority", is_fixed=True, is_computed=True)
_APPOINTMENT = (
    *_COMMON,
    _free("location", "location", "Location"),
    _IMPORTANCE,
    _fixed("show_as", ("status_code", "state_code"), "Show as and status"),
    _fixed("is_private", ("is_mapi_private",), "Private", Direction.TO_EXCHANGE),  # 10.3.8
    _fixed("start", ("scheduled_start", "start_date"), "Start"),
    _fixed("end", ("scheduled_end", "end_date"), "End"),
    _fixed("is_all_day", ("is_all_day_event",), "All day"),
    _fixed("time_zone", ("iana_time_zone",), "Time zone"),
    _fixed("organizer", (), "Organizer"),
    _fixed("required", (), "Required attendees"),
    _fixed("optional", (), "Optional attendees"),
)
_ATTACHMENTS = _fixed(
    "attachments", (), "Attachments", Direction.NONE
)  # 10.3.8: both ways by setting; never of a series
_SERIES = tuple(
    replace(one, columns=("effective_start_date", "start_date"))
    if one.field == "start"
    else replace(one, columns=("duration", "end_date"))
    if one.field == "end"
    else one
    for one in _APPOINTMENT
)
_SERVICE = tuple(  # 10.5: nobody is invited, and nothing comes back
    replace(
        one,
        default=Direction.TO_EXCHANGE,
        is_fixed=True,
        label="Body: description, and who renders it for whom" if one.field == "body" else one.label,
    )
    for one in _APPOINTMENT
    if one.field not in ("organizer", "required", "optional")
)
_LIKE_A_TASK = (
    *_COMMON,
    _IMPORTANCE,
    _fixed("status", ("status_code", "state_code"), "Status"),
    FieldMap("start", ("scheduled_start",), "Start", is_computed=True),
    FieldMap("due", ("scheduled_end",), "Due", is_computed=True),
    FieldMap("completed", ("actual_end",), "Date completed", is_computed=True),
)
_CONTACT = (
    _fixed("full_name", ("full_name",), "Full name"),
    *(
        FieldMap(name, (name,), label, is_fixed=True)
        for name, label in (
            ("first_name", "First name"),
            ("middle_name", "Middle name"),
            ("last_name", "Last name"),
            ("suffix", "Suffix"),
        )
    ),
    _free("nickname", "nickname", "Nickname"),
    _free("yomi_first_name", "yomi_first_name", "Yomi first name"),
    _free("yomi_last_name", "yomi_last_name", "Yomi last name"),
    _fixed("company", ("parent_customer",), "Company and account"),
    _free("job_title", "job_title", "Job title"),
    _free("department", "department", "Department"),
    _free("manager", "manager_name", "Manager’s name"),
    _free("assistant", "assistant_name", "Assistant’s name"),
    _free("assistant_phone", "assistant_phone", "Assistant’s phone"),
    _free("email_1", "email_address_1", "Email"),
    _free("email_2", "email_address_2", "Email 2"),
    _free("email_3", "email_address_3", "Email 3"),
    _free("business_phone", "telephone_1", "Business phone"),
    _free("business_phone_2", "business_2", "Business phone 2"),
    _free("home_phone", "telephone_2", "Home phone"),
    _free("home_phone_2", "home_2", "Home phone 2"),
    _free("mobile_phone", "mobile_phone", "Mobile phone"),
    _free("other_phone", "telephone_3", "Other phone"),
    _free("business_fax", "fax", "Business fax"),
    _free("pager", "pager", "Pager"),
    _free("callback", "callback", "Callback"),
    _free("company_phone", "company", "Company main phone"),
    FieldMap("business_address", _address(1), "Business address and address 1", is_computed=True),
    FieldMap("home_address", _address(2), "Home address and address 2", is_computed=True),
    FieldMap("other_address", _address(3), "Other address and address 3", is_computed=True),
    _free("web_page", "website_url", "Web page"),
    _free("ftp_site", "ftp_site_url", "FTP site"),
    _free("birthday", "birth_date", "Birthday"),
    _free("anniversary", "anniversary", "Anniversary"),
    _free("spouse", "spouses_name", "Spouse or partner"),
    _free("children", "childrens_names", "Children"),
    _free("government_id", "government_id", "Government ID"),
    _free("body", "description", "Notes and description"),
)
FIELD_MAPS: Mapping[RecordKind, Mapping[str, FieldMap]] = MappingProxyType(
    {
        kind: MappingProxyType({one.field: one for one in rows})
        for kind, rows in {
            RecordKind.APPOINTMENT: (*_APPOINTMENT, _ATTACHMENTS),
            RecordKind.SERIES: (*_SERIES, _fixed("recurrence", ("recurrence_pattern_type",), "Recurrence pattern")),
            RecordKind.SERVICE: _SERVICE,
            RecordKind.TASK: (*_LIKE_A_TASK, _free("percent_complete", "percent_complete", "Percent complete")),
            RecordKind.PHONE_CALL: _LIKE_A_TASK,
            RecordKind.LETTER: _LIKE_A_TASK,
            RecordKind.FAX: _LIKE_A_TASK,
            RecordKind.CONTACT: _CONTACT,
        }.items()
    }
)
_THREE_ADDRESSES = ("home_address", "other_address")


def directions(kind: RecordKind, chosen: Mapping[str, int], policy: Policy) -> dict[str, Direction]:
    """Which way each field goes: what the organization has chosen (by field), so far as that is its choice, else the
    default; settings have the last word."""
    found = {}
    for name, row in FIELD_MAPS[kind].items():
        wanted = Direction(chosen.get(name, row.default))
        found[name] = wanted if wanted in row.allowed else row.default
    if policy.is_contact_mailing_address_sync_enabled:  # 10.6
        found.update({name: Direction.NONE for name in _THREE_ADDRESSES if name in found})
    if "company" in found and not policy.sync_contact_company:
        found["company"] = Direction.NONE
    if (
        "is_private" in found
        and kind is not RecordKind.SERVICE
        and policy.sss_sync_appointment_is_private_from_exchange
    ):  # 10.3.8
        found["is_private"] = Direction.BOTH
    if "attachments" in found and policy.is_appointment_attachment_sync_enabled:  # 10.3.8
        found["attachments"] = Direction.BOTH
    return found


def problem(kind: RecordKind, field: str, direction: int) -> str:
    """Why a field cannot go this way, as a sentence; "" if it can."""
    row = FIELD_MAPS[kind].get(field)
    if row is None:
        return f"“{field}” is no field of this kind that is synchronized."
    if direction not in [*Direction]:
        return f"{direction!r} is no direction."
    return "" if direction in row.allowed else f"The direction of “{row.label}” is fixed."
