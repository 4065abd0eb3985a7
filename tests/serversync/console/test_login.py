"""One door for everybody; guessing is slow; what passes through it is protected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from serversync.console import throttle


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    cache.clear()
    get_user_model().objects.create_user("alice", "alice@us.test", "right")
    get_user_model().objects.create_user("ada", "ada@us.test", "right", is_staff=True)


def sign_in(name: str, password: str, client: Client | None = None, address: str = "10.0.0.1") -> HttpResponse:
    return (client or Client()).post("/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def test_alice_comes_to_her_mailbox_and_ada_to_the_console() -> None:
    assert sign_in("alice", "right").headers["Location"] == "/mailbox/"
    assert sign_in("ada", "right").headers["Location"] == "/"


def test_alice_is_told_why_she_stands_at_the_door_again() -> None:
    alice = Client()
    sign_in("alice", "right", alice)
    assert alice.get("/", follow=True).request["PATH_INFO"] == "/mailbox/"
    page = alice.get("/crm/email/", follow=True).content.decode()
    assert "You are signed in as alice, who may not open that page." in page


def test_the_door_leads_nowhere_else() -> None:
    answer = Client().post("/login/?next=https://evil.test/", {"username": "ada", "password": "right"})
    assert answer.headers["Location"] == "/"


def test_alice_logs_out_although_she_is_not_staff() -> None:
    alice = Client()
    sign_in("alice", "right", alice)
    alice.post("/logout/")
    assert alice.get("/mailbox/").status_code == 302


def test_after_ten_wrong_passwords_even_the_right_one_waits() -> None:
    for _ in range(throttle.PER_NAME):
        assert sign_in("alice", "wrong").status_code == 200
    answer = sign_in("Alice ", "right")
    assert answer.status_code == 429
    assert "Too many wrong passwords. Try again in 15 minutes." in answer.content.decode()
    assert sign_in("alice", "right", address="10.0.0.2").status_code == 302
    assert sign_in("ada", "right").status_code == 302


def test_the_pause_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(throttle.PER_NAME):
        sign_in("alice", "wrong")
    later = timezone.now() + timedelta(seconds=throttle.WINDOW + 1)
    monkeypatch.setattr(throttle.timezone, "now", lambda: later)
    assert sign_in("alice", "right").status_code == 302


def test_the_right_password_forgets_the_wrong_ones_of_that_name() -> None:
    for _ in range(throttle.PER_NAME - 1):
        sign_in("alice", "wrong")
    assert sign_in("alice", "right").status_code == 302
    assert sign_in("alice", "wrong").status_code == 200


def test_trying_one_password_on_many_names_is_stopped_as_well() -> None:
    request = RequestFactory().post("/login/", REMOTE_ADDR="10.0.0.3")
    for number in range(throttle.PER_ADDRESS):
        throttle.note_failure(request, f"name{number}")
    assert sign_in("ada", "right", address="10.0.0.3").status_code == 429


@pytest.mark.parametrize(("behind_proxy", "address"), [(True, "10.0.0.9"), (False, "127.0.0.1")])
def test_only_what_the_own_proxy_says_about_the_address_is_believed(
    settings: Any, behind_proxy: bool, address: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if behind_proxy else None
    request = RequestFactory().post("/login/", HTTP_X_FORWARDED_FOR="1.2.3.4, 10.0.0.9")
    assert throttle.client_address(request) == address


def test_names_and_passwords_are_not_in_the_cache_or_on_the_page() -> None:
    request = RequestFactory().post("/login/", REMOTE_ADDR="10.0.0.1")
    assert all("alice" not in key and "10.0" not in key for key, _ in throttle._counters(request, "alice"))
    assert "a wrong guess" not in sign_in("alice", "a wrong guess").content.decode()


def test_cookies_and_headers_protect_the_session() -> None:
    answer = sign_in("alice", "right")
    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    page = Client().get("/login/")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in page.headers["Permissions-Policy"]
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
