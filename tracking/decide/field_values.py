"""Values that are not the same on both sides: show-as and status, importance, the state of tasks, days and times. Pure
(10.2.1, 10.3.1, 10.3.2, 10.7). Numbers are the option numbers of `tracking.crm.models.states`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from profiles.act_items import IMPORTANCE
from profiles.connectors.mime.html import summary_of_html
from tracking.decide.field_maps import RecordKind

OPEN, COMPLETED, CANCELED, SCHEDULED = range(4)  # state_code
FREE, TENTATIVE, DONE, CALLED_OFF, BUSY, OUT_OF_OFFICE = range(1, 7)  # status_code of appointments
_SHOW_AS = {FREE: "free", TENTATIVE: "tentative", BUSY: "busy", OUT_OF_OFFICE: "out-of-office"}
_STATUS = {name: number for number, name in _SHOW_AS.items()} | {"elsewhere": FREE}
_STATE = {FREE: OPEN, TENTATIVE: OPEN, DONE: COMPLETED, CALLED_OFF: CANCELED, BUSY: SCHEDULED, OUT_OF_OFFICE: SCHEDULED}

NOT_STARTED, IN_PROGRESS, WAITING, TASK_DONE, TASK_CALLED_OFF, DEFERRED = range(2, 8)  # status_code of tasks
_TASK_STATUS = {
    NOT_STARTED: "not-started",
    IN_PROGRESS: "in-progress",
    WAITING: "waiting",
    TASK_DONE: "completed",
    TASK_CALLED_OFF: "completed",  # Exchange knows no cancelled task
    DEFERRED: "deferred",
}
_OF_TASK = {name: number for number, name in _TASK_STATUS.items() if number != TASK_CALLED_OFF}
# What a phone call, letter or fax that was completed in Exchange becomes: outgoing, incoming (made or received, …).
_WHEN_DONE: Mapping[RecordKind, tuple[int, int]] = {
    RecordKind.PHONE_CALL: (2, 4),
    RecordKind.LETTER: (4, 3),
    RecordKind.FAX: (3, 4),
}
_OPEN_STATUS = 1  # of all three
HUNDRED = 100


def show_as_of(status: int) -> str:
    """How an appointment of ours is shown in a calendar; what is completed or canceled is free (10.2.1)."""
    return _SHOW_AS.get(status, "free")


def status_of_show_as(show_as: str, status: int) -> int:
    """The status of an appointment that is shown so; one that is closed stays so, whatever its calendar says (10.3.2)."""
    return status if status in (DONE, CALLED_OFF) else _STATUS.get(show_as, BUSY)


def state_of_appointment(status: int) -> int:
    """The one state that an appointment of this status has."""
    return _STATE[status]


def importance_of(priority: int) -> str:
    """Low, normal or high."""
    return IMPORTANCE[priority]


def priority_of(importance: str) -> int:
    """The same as a number; what a server says besides these three is normal."""
    return IMPORTANCE.index(importance) if importance in IMPORTANCE else 1


def task_status_of(kind: RecordKind, state: int, status: int) -> str:
    """How far something is on the side of Exchange. A phone call, letter or fax is only open or completed (10.7)."""
    if kind is RecordKind.TASK:
        return _TASK_STATUS[status]
    return "not-started" if state == OPEN else "completed"


def status_of_task(
    kind: RecordKind, status: str, percent: int, *, state: int, current: int, is_outgoing: bool = True
) -> tuple[int, int]:
    """State and status of a record whose task in Exchange is so far (10.7). What is canceled here and completed there stays
    canceled; what was closed and is taken up again in Exchange is in progress."""
    if status == "completed" or percent >= HUNDRED:
        if state in (COMPLETED, CANCELED):
            return state, current
        done = TASK_DONE if kind is RecordKind.TASK else _WHEN_DONE[kind][0 if is_outgoing else 1]
        return COMPLETED, done
    if kind is not RecordKind.TASK:
        return (OPEN, current) if state == OPEN else (OPEN, _OPEN_STATUS)
    if state in (COMPLETED, CANCELED) and status == "not-started":
        return OPEN, IN_PROGRESS
    return OPEN, _OF_TASK.get(status, NOT_STARTED)


def percent_of(status: str, percent: int) -> int:
    """How much of a task is done, made to fit its status: completed is all, not started nothing (10.7)."""
    if status == "completed":
        return HUNDRED
    return 0 if status == "not-started" else min(percent, HUNDRED - 1)


def day_of(moment: datetime | None, zone: str) -> date | None:
    """The day of a time where the user is: tasks in Exchange have days."""
    return None if moment is None else moment.astimezone(ZoneInfo(zone)).date()


def moment_of(day: date | None, current: datetime | None, zone: str) -> datetime | None:
    """The time that a day becomes here. The hour of the clock that the record had is kept (10.7)."""
    if day is None:
        return None
    there = ZoneInfo(zone)
    clock = time() if current is None else current.astimezone(there).time()
    return datetime.combine(day, clock.replace(fold=0), there).astimezone(UTC)


def with_due(start: date | None, due: date | None) -> date | None:
    """When something is due: a start alone is the due day as well (10.7)."""
    return start if due is None else due


PEOPLE_BELOW = "\n\n– – –\n"
"""Between what somebody wrote about a service activity and who takes part in it."""


def body_of_service(text: str, rendered_by: Sequence[str], customers: Sequence[str], regarding: str) -> str:
    """What a copy of a service activity says: its description and, below, who takes part and what it is about (10.5)."""
    told = (("Rendered by", ", ".join(rendered_by)), ("For", ", ".join(customers)), ("Regarding", regarding))
    lines = [f"{label}: {words}" for label, words in told if words]
    return f"{text}{PEOPLE_BELOW}" + "\n".join(lines) if lines else text


def text_of_service(body: str) -> str:
    """The description in such a body."""
    return body.partition(PEOPLE_BELOW)[0]


def plain_text(body: str, *, is_html: bool) -> str:
    """A body as text, which is all that goes over (10.8): two HTML bodies that read the same are the same."""
    text = summary_of_html(body) if is_html else body
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
