"""Thirty deaths at random: two hundred letters come in, two hundred go out, over all transports; all end as they should."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.kill.databases import SqliteDatabase
from tests.kill.rig import LEASE_IS_OVER, Outcome, Rig
from tests.kill.scenarios import ALICE
from tests.kill.world_state import World, differences, with_unknown, without
from tracking.crm.models.states import DeliveryState

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]

DEATHS = 30
SEED = int(os.environ.get("KILL_SEED", "2026"))


def killed_at_random(rig: Rig, steps: int, chance: random.Random) -> Outcome:
    """Kill thirty workers one after the other, each somewhere in its work, and let the next one finish."""
    deaths = 0
    most = steps // 8  # so that thirty lives are about twice as long as an undisturbed one: they do much work again
    while deaths < DEATHS:
        outcome = rig.run(stop_after=chance.randint(1, most), late=deaths * LEASE_IS_OVER)
        if outcome.killed:
            deaths += 1
        else:  # it had nothing left to do; a shorter life will do
            most //= 2
    return rig.finish(late=deaths * LEASE_IS_OVER)


def unknown(world: World) -> list[str]:
    return [email["message_id"] for email in world["emails"] if email["delivery_state"] == DeliveryState.UNKNOWN]


def test_after_thirty_deaths_everything_is_there_once(tmp_path: Path) -> None:
    print(f"KILL_SEED={SEED}")
    with Rig(tmp_path, SqliteDatabase(tmp_path), "both ways") as rig:
        rig.restore()
        undisturbed = rig.finish()
        expected, servers = undisturbed.world, rig.servers()
        assert sum(len(items) for address, items in servers.items() if address.endswith("@acme.test")) == 200

        rig.restore()
        outcome = killed_at_random(rig, len(undisturbed.steps), random.Random(SEED))

        found = rig.servers()
        lost = unknown(outcome.world)
        assert all(email["sender"] == ALICE for email in outcome.world["emails"] if email["message_id"] in lost)
        for message_id in lost:  # Alice sends over SMTP: the one window
            assert sum(item[1] == message_id for items in found.values() for item in items) <= 1
            expected = with_unknown(expected, message_id)
            servers, found = without(servers, message_id), without(found, message_id)
        assert differences(expected, outcome.world) == []
        assert differences(servers, found) == []
        assert differences(rig.keys_shown(), outcome.shown) == []
        assert outcome.world["blobs"]["damaged"] == []
        assert outcome.orphans <= DEATHS
