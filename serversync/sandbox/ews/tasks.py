"""What Exchange makes of a task that a client writes (MS-OXWSTASK): status, percentage and completion go together.

Of several of them in one request the last one decides, as Microsoft documents it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from serversync.sandbox.ews.properties import put, store_element, stored_text
from serversync.sandbox.ews.soap import EwsError, local_name, t

DATES = ("StartDate", "DueDate", "CompleteDate")
SET_BY_SERVER = frozenset(
    "IsComplete IsRecurring IsTeamTask ChangeCount Owner DelegationState Delegator AssignedTime StatusDescription".split()
)
STATUSES = ("NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred")
_WORDS = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")


def complete_task(properties: dict[str, str], owner: str) -> None:
    """Add the properties that a new task lacks."""
    added = (
        t("Status", "NotStarted"),
        t("PercentComplete", 0),
        t("Importance", "Normal"),
        t("IsRecurring", False),
        t("IsTeamTask", False),
        t("ChangeCount", 1),
        t("DelegationState", "NoMatch"),
        t("Owner", owner.partition("@")[0]),
    )
    for element in added:
        properties.setdefault(f"t:{local_name(element)}", store_element(element))
    properties["t:IsComplete"] = store_element(t("IsComplete", stored_text(properties, "Status") == "Completed"))
    _describe(properties)


def task_property_set(properties: dict[str, str], name: str, now: datetime) -> None:
    """Let a property of a task that was just set, or taken away, have its effect on the others. Raises EwsError."""
    if name in DATES and f"t:{name}" in properties:
        put(properties, t(name, _day(properties, name)))
    if name == "Status":
        _set_status(properties, stored_text(properties, "Status"), now)
    elif name == "PercentComplete":
        _set_percent(properties, now)
    elif name == "CompleteDate" and "t:CompleteDate" in properties:
        if _day(properties, "CompleteDate") > now + timedelta(days=1):
            raise EwsError("ErrorInvalidPropertySet", "A task cannot be completed in the future.")
        _set_status(properties, "Completed", now)
    elif name == "CompleteDate" and stored_text(properties, "Status") == "Completed":
        _set_status(properties, "NotStarted", now)
    start, due = (_day(properties, name) for name in ("StartDate", "DueDate"))
    if name == "StartDate" and "t:DueDate" in properties and due < start:
        put(properties, t("DueDate", start))
    elif name == "DueDate" and "t:StartDate" in properties and "t:DueDate" in properties and due < start:
        put(properties, t("StartDate", due))


def _set_status(properties: dict[str, str], status: str, now: datetime) -> None:
    if status not in STATUSES:
        raise EwsError("ErrorSchemaValidation", f"{status!r} is not the status of a task.")
    was_complete = stored_text(properties, "PercentComplete") == "100"
    put(properties, t("Status", status))
    if status == "Completed":
        put(properties, t("PercentComplete", 100))
        if "t:CompleteDate" not in properties:
            put(properties, t("CompleteDate", _midnight(now)))
    else:
        properties.pop("t:CompleteDate", None)
        if was_complete or status == "NotStarted":
            put(properties, t("PercentComplete", 0))
    put(properties, t("IsComplete", status == "Completed"))
    _describe(properties)


def _set_percent(properties: dict[str, str], now: datetime) -> None:
    given = stored_text(properties, "PercentComplete") or "0"
    try:
        percent = int(float(given))
    except ValueError as error:
        raise EwsError("ErrorSchemaValidation", f"{given!r} is not a percentage.") from error
    if not 0 <= percent <= 100:
        raise EwsError("ErrorInvalidPropertySet", "PercentComplete must be 0 to 100.")
    status = stored_text(properties, "Status")
    if percent == 100:
        _set_status(properties, "Completed", now)
    elif percent == 0 and status in ("Completed", "InProgress"):
        _set_status(properties, "NotStarted", now)
    elif percent and status in ("", "Completed", "NotStarted"):
        _set_status(properties, "InProgress", now)
    put(properties, t("PercentComplete", percent))


def _describe(properties: dict[str, str]) -> None:
    words = _WORDS[STATUSES.index(stored_text(properties, "Status") or "NotStarted")]
    put(properties, t("StatusDescription", words))


def _day(properties: dict[str, str], name: str) -> datetime:
    """A date of a task, which has no time of day."""
    text = stored_text(properties, name)
    try:
        return _midnight(datetime.fromisoformat(text)) if text else datetime.min.replace(tzinfo=UTC)
    except ValueError as error:
        raise EwsError("ErrorSchemaValidation", f"{text!r} is not a date.") from error


def _midnight(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
