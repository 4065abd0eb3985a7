"""Law 1, the hard way: after every single step the worker is killed, and the next one ends where it would have ended.

Steps are counted from outside (steps.py); the killed worker is a real process. Twelve letters of different kinds are
received and twelve are sent, over each transport; tracked folders are taken in, and followed when people have moved mail,
renamed a folder and changed a rule (9.3, 9.5).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kill.databases import Database, SqliteDatabase
from tests.kill.rig import LEASE_IS_OVER, RETRY_IS_DUE, Outcome, Rig
from tests.kill.steps import COMMIT
from tests.kill.world_state import differences, with_unknown, without

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]


def steps_to_try(total: int, database: Database) -> range:
    """Every step; on PostgreSQL, where it takes longer to start anew, every fifth."""
    return range(1, total + 1, 1 if isinstance(database, SqliteDatabase) else 5)


class Undisturbed:
    """What a run comes to that nobody kills, and that a further run adds nothing to it."""

    def __init__(self, rig: Rig) -> None:
        rig.restore()
        outcome = rig.finish()
        self.steps, self.world, self.servers = outcome.steps, outcome.world, rig.servers()
        again = rig.run(late=RETRY_IS_DUE)
        assert differences(self.world, again.world) == []
        assert differences(self.servers, rig.servers()) == []
        assert self.world["blobs"]["damaged"] == []
        assert (outcome.orphans, outcome.errors) == (0, [])
        assert self.world["alerts"] == []


def killed_after(step: int, rig: Rig) -> Outcome:
    """Start anew, kill a worker after this step, and let the next one finish."""
    rig.restore()
    assert rig.run(stop_after=step).killed
    return rig.finish(late=LEASE_IS_OVER)


def unlike(undisturbed: Undisturbed, outcome: Outcome, rig: Rig) -> list[str]:
    """How the world differs from the undisturbed one, and where the ledger does not say what the servers show."""
    said = [*outcome.errors, *differences(undisturbed.world, outcome.world)]
    said += differences(undisturbed.servers, rig.servers())
    if outcome.orphans > 1:
        said.append(f"{outcome.orphans} files without a row")
    if rig.receives:
        said += differences(rig.keys_shown(), outcome.shown)
    return said


@pytest.mark.parametrize(
    "scenario",
    ["POP3", "EWS", "EWS-out", "forward", "forward EWS", pytest.param("folders", marks=pytest.mark.timeout(1200))],
)
def test_killed_after_any_step_nothing_is_lost_and_nothing_is_doubled(
    scenario: str, database: Database, tmp_path: Path
) -> None:
    with Rig(tmp_path, database, scenario) as rig:
        undisturbed = Undisturbed(rig)
        wrong = {}
        for step in steps_to_try(len(undisturbed.steps), database):
            said = unlike(undisturbed, killed_after(step, rig), rig)
            if said:
                wrong[f"{step}, {undisturbed.steps[step - 1]}"] = said
        assert wrong == {}


def windows(steps: list[str]) -> list[range]:
    """For each mail the kills that leave its fate open: from the commit that says "Sending" to the one that says "Sent".

    SMTP can be asked for nothing afterwards, so no order of steps closes this window (7.4, law 7).
    """
    commits = [number for number, name in enumerate(steps, 1) if name == COMMIT]
    handed_over = [number for number, name in enumerate(steps, 1) if name.startswith("network: b'Date: ")]
    return [
        range(max(one for one in commits if one < data), min(one for one in commits if one > data))
        for data in handed_over
    ]


def test_over_smtp_the_one_window_ends_as_unknown_and_never_as_a_second_copy(
    database: Database, tmp_path: Path
) -> None:
    with Rig(tmp_path, database, "SMTP") as rig:
        undisturbed = Undisturbed(rig)
        mails = [item["message_id"] for item in rig.sandbox.inbox("ann@acme.test")]  # in the order in which they left
        open_in = list(zip(windows(undisturbed.steps), mails, strict=True))
        assert len(open_in) == 11
        wrong, has_left = {}, []
        for step in steps_to_try(len(undisturbed.steps), database):
            outcome = killed_after(step, rig)
            lost = next((mail for window, mail in open_in if step in window), "")
            if lost:
                has_left.append(any(item[1] == lost for item in rig.servers().get("ann@acme.test", [])))
                said = unlike_but_unknown(undisturbed, outcome, rig, lost, has_left[-1])
            else:
                said = unlike(undisturbed, outcome, rig)
            if said:
                wrong[f"{step}, {undisturbed.steps[step - 1]}"] = said
        assert wrong == {}
        assert set(has_left) == {True, False}  # which is why nobody can know


def unlike_but_unknown(
    undisturbed: Undisturbed, outcome: Outcome, rig: Rig, message_id: str, has_left: bool
) -> list[str]:
    """How the world differs from the undisturbed one, but for this mail: its fate is unknown, and it left once or never."""
    servers = undisturbed.servers if has_left else without(undisturbed.servers, message_id)
    said = differences(with_unknown(undisturbed.world, message_id), outcome.world)
    return said + differences(servers, rig.servers())
