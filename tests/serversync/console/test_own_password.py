"""Everybody changes their own password, staff or not; guessing at the door stays as slow as it was."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from serversync.console import throttle

OLD, NEW = "the old one of Alice", "the new one of Alice"


@pytest.fixture
def alice(db: None) -> Any:
    cache.clear()
    return get_user_model().objects.create_user("alice", "alice@us.test", OLD)


@pytest.fixture
def desk(alice: Any) -> Client:
    client = Client()
    assert client.login(username="alice", password=OLD)
    return client


def change(client: Client, old: str = OLD, new: str = NEW, again: str = NEW) -> str:
    fields = {"old_password": old, "new_password1": new, "new_password2": again}
    return client.post(reverse("owner:password"), fields, follow=True).content.decode()


def test_alice_finds_the_page_and_changes_her_password(desk: Client, alice: Any) -> None:
    assert f'href="{reverse("owner:password")}"' in desk.get("/mailbox/").content.decode()
    assert "Your password is changed." in change(desk)
    assert desk.get("/mailbox/").status_code == 200  # still signed in
    assert Client().login(username="alice", password=NEW)
    assert not Client().login(username="alice", password=OLD)
    assert LogEntry.objects.get(user=alice).get_change_message() == "Changed their own password."


def test_wherever_else_she_was_signed_in_she_no_longer_is(desk: Client, alice: Any) -> None:
    phone = Client()
    phone.login(username="alice", password=OLD)
    change(desk)
    assert phone.get("/mailbox/").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "words"),
    [
        ("wrong", NEW, NEW, "Your old password was entered incorrectly."),
        (OLD, NEW, "something else", "The two password fields didn’t match."),
        (OLD, "short", "short", "This password is too short."),
        (OLD, "password1234", "password1234", "This password is too common."),
        (OLD, "alice@us.test", "alice@us.test", "The password is too similar to the"),
    ],
)
def test_what_is_refused_is_explained_and_not_sent_back(
    desk: Client, old: str, new: str, again: str, words: str
) -> None:
    page = change(desk, old, new, again)
    assert words in page
    assert f'value="{new}"' not in page
    assert Client().login(username="alice", password=OLD)


@pytest.mark.parametrize("page", ["owner:password", "admin:password_change"])
def test_at_a_desk_that_was_left_open_nobody_guesses_for_long(desk: Client, alice: Any, page: str) -> None:
    alice.is_staff = True
    alice.save()
    fields = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    for _ in range(throttle.PER_NAME):
        assert desk.post(reverse(page), fields).status_code == 200
    answer = desk.post(reverse(page), fields | {"old_password": OLD})
    assert answer.status_code == 429
    assert "Too many wrong passwords. Try again in 15 minutes." in answer.content.decode()
    assert Client().login(username="alice", password=OLD)


def test_the_right_password_forgets_the_wrong_ones(desk: Client) -> None:
    for _ in range(throttle.PER_NAME - 1):
        change(desk, old="wrong")
    assert "Your password is changed." in change(desk)
    assert "Your old password was entered incorrectly." in change(desk, old="wrong")
    assert "Your password is changed." in change(desk, old=NEW, new=f"{NEW}!", again=f"{NEW}!")


def test_wrong_guesses_here_do_not_close_the_door(desk: Client) -> None:
    for _ in range(throttle.PER_NAME + 1):
        change(desk, old="wrong")
    answer = Client().post("/login/", {"username": "alice", "password": OLD})
    assert answer.status_code == 302


def test_who_signs_in_another_way_is_told_that_there_is_no_password(alice: Any) -> None:
    alice.set_unusable_password()
    alice.save()
    client = Client()
    client.force_login(alice)
    assert "You have no password here" in client.get(reverse("owner:password")).content.decode()
    assert reverse("owner:password") not in client.get("/mailbox/").content.decode()
