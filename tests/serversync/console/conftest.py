"""Alice administers, Bob may sign in but see nothing yet, Charlie is no member of the staff."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.serversync.console.roles import Office, open_office


@pytest.fixture
def office(db: None) -> Office:
    """Everybody's browser, and mailboxes and mail of theirs (roles.py)."""
    return open_office()


@pytest.fixture
def alice(db: None) -> Client:
    """Alice's browser, signed in as an administrator."""
    return _browser(get_user_model().objects.create_superuser("ada", "ada@us.test", "x"))


@pytest.fixture
def bob(db: None) -> Client:
    """Bob's browser: staff without any permission."""
    return _browser(get_user_model().objects.create_user("bo", "bo@us.test", "x", is_staff=True))


@pytest.fixture
def charlie(db: None) -> Client:
    """Charlie's browser: a user who is not staff."""
    return _browser(get_user_model().objects.create_user("cha", "cha@us.test", "x"))


def _browser(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


@pytest.fixture(autouse=True)
def server_at_rest(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test with a browser ends when its last request has: the tables are emptied next, and a reader would lock them."""
    if "live_server" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("live_server")
    yield
    patience = time.monotonic() + 3
    while _answering() and time.monotonic() < patience:
        time.sleep(0.02)


def _answering() -> bool:
    return any("process_request_thread" in thread.name for thread in threading.enumerate())
