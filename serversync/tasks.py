"""What the worker's tasks call. A task carries no state: running it twice changes nothing (law 6)."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from serversync import housekeeping
from serversync import watch as watching
from serversync.cycles import act_preview, engine, hierarchy, trial
from serversync.signs import give_sign_of_life


def drain() -> int:
    """Run what people wait for and due legs until none is left or the time is up; returns how many legs were run."""
    give_sign_of_life()
    return len(engine.drain(timezone.now, settings.DRAIN_SECONDS, first=_what_people_wait_for))


def _what_people_wait_for() -> bool:
    return (
        hierarchy.fetch_next(timezone.now) or trial.carry_out_next(timezone.now) or act_preview.count_next(timezone.now)
    )


def answer_ping() -> None:
    """Tell the supervisor that its cluster is alive."""
    give_sign_of_life()


def watch() -> None:
    """Each minute: alarms, and e-mails to those who should know."""
    give_sign_of_life()
    watching.watch(timezone.now())


def tidy() -> None:
    """The daily round of housekeeping."""
    give_sign_of_life()
    housekeeping.tidy(timezone.now())
