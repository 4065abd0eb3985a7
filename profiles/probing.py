"""Testing the connections of a profile (2.14): which directions are tried, what the result is, how it is kept.

Pure: the network is in `profiles.connectors.probe`, the rows are written by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from typing import Any

from profiles.connectors.probe import Step, probe
from profiles.items import Access

LONGEST_WAIT = 5.0
"""Seconds; somebody sits before the page and waits for the answer."""
SETTINGS = "Read the settings"


class TestResult(IntEnum):
    """2.14, `LastTestExecutionStatus`."""

    __test__ = False  # nothing for pytest

    FAILURE = 0
    SUCCESS = 1
    WARNING = 2

    @property
    def label(self) -> str:
        return {0: "Failed", 1: "Works", 2: "Works, with a warning"}[self.value]


class CannotTry(Exception):
    """The settings do not say how to reach the server; `str()` tells what to enter where."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One direction ("Incoming", "Outgoing") and the steps that were tried."""

    direction: str
    steps: tuple[Step, ...]

    @property
    def result(self) -> TestResult:
        return verdict([self])


def try_out(accesses: Mapping[str, Callable[[], Access]]) -> list[Tried]:
    """Probe each direction; one whose settings raise CannotTry fails with that sentence, without any connection.

    Two directions that are reached in the same way (Exchange) are probed once: no server is asked twice the same.
    """
    tried: list[Tried] = []
    done: dict[Access, tuple[Step, ...]] = {}
    for direction, access_of in accesses.items():
        try:
            access = access_of()
        except CannotTry as error:
            tried.append(Tried(direction, (Step(SETTINGS, False, str(error)),)))
            continue
        access = replace(access, timeout=min(access.timeout, LONGEST_WAIT))
        if access not in done:
            done[access] = probe(access)
        tried.append(Tried(direction, done[access]))
    return tried


def verdict(tried: Sequence[Tried]) -> TestResult:
    """FAILURE if any step failed, WARNING if somebody should look at one, else SUCCESS."""
    steps = [step for one in tried for step in one.steps]
    if not all(step.ok for step in steps):
        return TestResult.FAILURE
    return TestResult.WARNING if any(step.warning for step in steps) else TestResult.SUCCESS


def as_trace(tried: Sequence[Tried]) -> list[dict[str, Any]]:
    """What is kept of a test, as plain values."""
    return [{"direction": one.direction, "steps": [asdict(step) for step in one.steps]} for one in tried]


def from_trace(trace: Sequence[Mapping[str, Any]]) -> list[Tried]:
    """A kept test as it was."""
    return [Tried(str(one["direction"]), tuple(Step(**step) for step in one["steps"])) for one in trace]
