"""Five thousand letters lie in a folder when it is tracked: they come in over many runs, whenever a worker dies, and people
see how far it is; new mail waits for one portion of them at most (9.3)."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailboxes.policy import Policy
from tests.kill.databases import SqliteDatabase
from tests.kill.rig import LEASE_IS_OVER, Rig
from tests.kill.scenarios import ALICE, IN_THE_ARCHIVE
from tests.kill.world_state import differences
from tests.letters import letter
from tracking.models import FolderOnboardingStatus

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]

DEATHS = 12
SEED = int(os.environ.get("KILL_SEED", "2026"))
PROGRESS = "SELECT folder_onboarding_status, onboarding_done, onboarding_total FROM tracking_mailboxtrackingfolder"
SUBJECTS = "SELECT subject FROM crm_email ORDER BY rowid"


class Onlooker:
    """Reads the database while no worker lives."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._file = database.name

    def ask(self, question: str) -> list[Any]:
        """The rows of the answer."""
        with closing(sqlite3.connect(self._file)) as database:
            return database.execute(question).fetchall()

    def subjects(self) -> list[str]:
        """Of all emails, in the order in which they were written."""
        return [subject for (subject,) in self.ask(SUBJECTS)]


def test_five_thousand_letters_come_in_through_twelve_deaths_and_new_mail_does_not_wait(tmp_path: Path) -> None:
    """9.3"""
    print(f"KILL_SEED={SEED}")
    chance, database = random.Random(SEED), SqliteDatabase(tmp_path)
    with Rig(tmp_path, database, "archive") as rig:
        rig.restore()
        onlooker, progress = Onlooker(database), []
        before: list[int] = []
        for death in range(DEATHS):
            rig.sandbox.deliver(ALICE, letter("ann@acme.test", ALICE, f"New {death}", "Just written"))
            before.append(len(onlooker.subjects()))
            assert rig.run(stop_after=chance.randint(100, 2_500), late=death * LEASE_IS_OVER).killed
            progress += onlooker.ask(PROGRESS)
        outcome = rig.finish(late=DEATHS * LEASE_IS_OVER)

        subjects = onlooker.subjects()
        old, new = [f"Old {number}" for number in range(IN_THE_ARCHIVE)], [f"New {death}" for death in range(DEATHS)]
        assert sorted(subjects) == sorted(old + new)
        waited = [subjects.index(subject) - there for subject, there in zip(new, before, strict=True)]
        assert max(waited) <= Policy().folder_onboarding_per_cycle + DEATHS
        assert progress == sorted(progress)
        assert FolderOnboardingStatus.GOING_ON in {status for status, _, _ in progress}
        assert onlooker.ask(PROGRESS) == [(FolderOnboardingStatus.DONE, IN_THE_ARCHIVE, IN_THE_ARCHIVE)]
        assert [total[-1] for total in outcome.world["totals"]] == ["balances"]
        assert differences(rig.keys_shown(), outcome.shown) == []
        assert (outcome.errors, outcome.world["blobs"]["damaged"]) == ([], [])
