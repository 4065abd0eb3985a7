"""Is the service well? The probes, the page and the command say the same, and the probes tell a stranger nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from mailboxes import brake
from mailboxes.brake import Scope
from mailboxes.models import Leg, Mailbox, Organization, ServerCircuit
from serversync import readiness, signs
from tests.serversync.console.people import mailbox, profile, row
from tracking.models import LedgerState


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """No answer of an earlier test is still kept."""
    readiness._latest.clear()
    yield
    readiness._latest.clear()
    cache.clear()


@pytest.fixture
def bobs(db: None) -> Mailbox:
    return mailbox("Bob", profile())


@pytest.fixture
def alice(client: Client, db: None) -> Client:
    client.force_login(get_user_model().objects.create_superuser("ada", first_name="Ada"))
    return client


def ready() -> tuple[int, dict[str, Any]]:
    readiness._latest.clear()
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def told(*options: str) -> tuple[str, int]:
    """What the command says, and its exit status."""
    out = StringIO()
    try:
        call_command("health", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_a_process_that_answers_is_alive_and_asks_no_database() -> None:  # without the mark `db` every query fails
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


def test_everything_in_order_is_ready(bobs: Mailbox) -> None:
    checks = {"database": True, "migrations": True, "blobs": True, "worker": True}
    assert ready() == (200, {"ready": True, "checks": checks, "held": False, "paused": False})
    assert told()[1] == 0


@pytest.mark.parametrize(
    ("columns", "is_ready"),
    [
        ({"due_on": -14}, True),
        ({"due_on": -16}, False),
        ({"due_on": 60, "requested_on": -16}, False),
        ({"due_on": -16, "leased_until": 1}, True),  # somebody is at it
        ({"due_on": -60, "leased_until": -30}, False),  # whoever was at it has died
        ({"due_on": -60, "postponed_until": -1}, True),  # the server had asked us to wait
        ({"due_on": -60, "postponed_until": 10}, True),
    ],
)
def test_work_that_waits_for_more_than_a_quarter_of_an_hour_is_not_ready(
    bobs: Mailbox, columns: dict[str, int], is_ready: bool
) -> None:
    now = timezone.now()
    times = {column: now + timedelta(minutes=minutes) for column, minutes in columns.items()}
    bobs.legs.filter(leg=Leg.INCOMING).update(**times)
    status, answer = ready()
    assert (status, answer["checks"]["worker"]) == ((200, True) if is_ready else (503, False))
    assert told()[1] == (0 if is_ready else 1)


def test_paused_and_held_are_told_and_are_ready(bobs: Mailbox) -> None:
    brake.pause(Scope(), "A secret reason", "Ada", timezone.now())
    status, answer = ready()
    assert (status, answer["paused"], answer["held"]) == (200, True, False)
    Organization.objects.get_or_create()
    brake.hold(timezone.now())
    status, answer = ready()
    assert (status, answer["held"]) == (200, True)
    assert "Everything is held." in told()[0]


def test_a_folder_that_cannot_be_written_is_not_ready(bobs: Mailbox, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    settings.STORAGES = settings.STORAGES | {
        "blobs": settings.STORAGES["blobs"] | {"OPTIONS": {"location": str(tmp_path / "a file" / "blobs")}}
    }
    status, answer = ready()
    assert (status, answer["checks"]["blobs"]) == (503, False)
    assert "original messages cannot be written" in told()[0]


def test_a_look_leaves_nothing_in_the_folder_of_messages(bobs: Mailbox, settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = settings.STORAGES | {
        "blobs": settings.STORAGES["blobs"] | {"OPTIONS": {"location": str(tmp_path / "blobs")}}
    }
    assert ready()[0] == 200
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_database_that_is_away_is_not_ready(bobs: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("could not connect to db.internal as serversync with password x")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", away)
        status, answer = ready()
        words, exit_status = told()
    assert (status, answer["checks"]) == (503, {"database": False, "blobs": True})
    assert "db.internal" not in json.dumps(answer)
    assert exit_status == 1
    assert "does not answer" in words


def test_a_database_of_an_older_version_is_not_ready(bobs: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_unapplied_migrations", lambda: 2)
    status, answer = ready()
    assert (status, answer["checks"]["migrations"]) == (503, False)


def test_asking_often_costs_no_query(bobs: Mailbox, django_assert_num_queries: Any) -> None:
    ready()
    browser = Client()
    browser.get("/readyz")
    with django_assert_num_queries(0):
        for _ in range(5):
            browser.get("/readyz")


def test_strangers_are_told_no_names(bobs: Mailbox) -> None:
    ServerCircuit.objects.create(
        profile=bobs.email_server_profile, leg=0, open_until=timezone.now() + timedelta(hours=1)
    )
    page = Client().get("/readyz").content.decode() + Client().get("/healthz").content.decode()
    for secret in ("Headquarters", "us.test", "SQLite", "PostgreSQL", "Bob", "/"):
        assert secret not in page


def test_the_page_and_the_command_say_it_in_words(
    bobs: Mailbox, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signs.CLUSTER_ID, "first")
    signs.give_sign_of_life()
    monkeypatch.setenv(signs.CLUSTER_ID, "second")
    signs.give_sign_of_life()
    cache.set("tidied", (timezone.now() - timedelta(hours=3)).isoformat())
    ServerCircuit.objects.create(
        profile=bobs.email_server_profile, leg=0, open_until=timezone.now() + timedelta(hours=1)
    )
    row(bobs, LedgerState.PENDING)

    page = alice.get("/health/").content.decode()

    lines = {line["title"]: line["words"] for line in json.loads(told("--json")[0])["surroundings"]}
    assert lines["Workers seen"].count("now") == 2
    assert "Headquarters: Incoming email until" in lines["Servers left alone"]
    assert "discovered now" in lines["Oldest undecided message"]
    assert lines["Last housekeeping"] == "3\N{NO-BREAK SPACE}h ago"
    assert lines["Tasks in the queue"] == "0"
    assert "GB" in lines["Free for messages"]
    for title in lines:
        assert title in page
        assert title in told()[0]
    assert "Ready" in page


def test_the_page_is_for_the_staff(db: None) -> None:
    assert Client().get("/health/").headers["Location"].startswith("/login/")
    charlie = Client()
    charlie.force_login(get_user_model().objects.create_user("charlie"))
    assert charlie.get("/health/").status_code == 302
