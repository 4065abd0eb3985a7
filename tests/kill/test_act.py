"""Appointments, contacts and tasks on both sides: after every step that changes anything the worker is killed, and the next
ones end where an undisturbed worker would have: nothing lost, nothing doubled, no meeting mail twice (10, law 1, law 7)."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.kill.act_state import versions
from tests.kill.databases import Database, SqliteDatabase
from tests.kill.rig import LEASE_IS_OVER, RETRY_IS_DUE, Outcome, Rig
from tests.kill.steps import ANSWER, COMMIT
from tests.kill.world_state import differences

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]

SEED = int(os.environ.get("KILL_SEED", "2026"))
WRITES = ("network: CreateItem", "network: UpdateItem", "network: DeleteItem")
MORE = 8


def steps_to_try(steps: list[str], database: Database) -> list[int]:
    """The answer to each write on the server, and the commit that follows it, between which nobody knows what was done;
    every third of the other commits, and some steps at random. On PostgreSQL, where it takes longer to start anew, every
    sixth of all these. (What lies between two commits and is no write on the server changes nothing for the next worker.)"""
    chance, number = random.Random(SEED), range(1, len(steps) + 1)
    commits = [step for step in number if steps[step - 1] == COMMIT]
    writes = [step for step in number if steps[step - 1] in WRITES]
    found = {next(one for one in number[sent:] if steps[one - 1] == ANSWER) for sent in writes}
    found |= {next(one for one in commits if one > sent) for sent in writes}
    found |= set(commits[chance.randrange(3) :: 3]) | set(chance.sample(number, MORE))
    return sorted(found)[:: 1 if isinstance(database, SqliteDatabase) else 6]


def unlike_the_server(rig: Rig, outcome: Outcome) -> list[str]:
    """Where a pair does not know its item as it is on the server."""
    there = {key: version for address in rig.accounts for key, version in versions(rig.sandbox, address).items()}
    return [
        f"a pair knows {key} as {version}, which is {there.get(key)}"
        for key, version in outcome.links.items()
        if there.get(key) != version
    ]


class Undisturbed:
    """What it comes to when nobody kills a worker; a further run adds nothing to it."""

    def __init__(self, rig: Rig) -> None:
        rig.restore()
        self.steps = rig.run().steps
        outcome = rig.finish(RETRY_IS_DUE)
        self.world, self.servers = outcome.world, rig.servers()
        assert (outcome.errors, unlike_the_server(rig, outcome)) == ([], [])
        again = rig.run(late=6 * RETRY_IS_DUE)
        assert self.unlike(rig, again) == []

    def unlike(self, rig: Rig, outcome: Outcome) -> list[str]:
        """How the world differs from it."""
        said = [*outcome.errors, *differences(self.world, outcome.world), *differences(self.servers, rig.servers())]
        return said + unlike_the_server(rig, outcome)


def test_killed_anywhere_both_sides_end_the_same_and_nothing_is_doubled_or_mailed_twice(
    database: Database, tmp_path: Path
) -> None:
    print(f"KILL_SEED={SEED}")
    with Rig(tmp_path, database, "act") as rig:
        undisturbed = Undisturbed(rig)
        wrong = []
        for step in steps_to_try(undisturbed.steps, database):
            rig.restore()
            assert rig.run(stop_after=step).killed
            said = undisturbed.unlike(rig, rig.finish(LEASE_IS_OVER))
            if said:
                said = undisturbed.unlike(rig, rig.run(late=LEASE_IS_OVER + 6 * RETRY_IS_DUE))
            wrong += [f"{step}, {undisturbed.steps[step - 1]}: {one}" for one in said]
        assert not wrong, "\n".join(wrong)
