"""`manage.py rotate_keys`: afterwards the newest key opens everything, and the older ones can go."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from mailboxes.models import Mailbox
from profiles.models import EmailServerProfile, ServerType
from profiles.secrets import keys
from serversync.resealing import new_key_id, sealed_columns

OLD, NEW = (f"{key_id}:{Fernet.generate_key().decode()}" for key_id in ("old", "new"))
SECRETS = ("incoming secret", "outgoing secret", "mailbox secret")


@pytest.fixture
def sealed_with_old(db: None, settings: Any) -> None:
    """A profile and Alice's mailbox hold passwords sealed with the old key."""
    settings.FIELD_KEYS = [OLD]
    EmailServerProfile.objects.create(
        name="Post",
        server_type=ServerType.OTHER_POP3_SMTP,
        incoming_password=SECRETS[0],
        outgoing_password=SECRETS[1],
    )
    get_user_model().objects.create_user("alice", "alice@us.test")
    Mailbox.objects.update(password=SECRETS[2])


def rotate(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("rotate_keys", *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def revealed() -> tuple[str, ...]:
    profile, mailbox = EmailServerProfile.objects.get(), Mailbox.objects.get()
    return profile.incoming_password.reveal(), profile.outgoing_password.reveal(), mailbox.password.reveal()


def test_it_finds_every_column_that_holds_a_secret() -> None:
    assert set(sealed_columns()) == {
        (EmailServerProfile, "incoming_password"),
        (EmailServerProfile, "outgoing_password"),
        (Mailbox, "password"),
    }


@pytest.mark.usefixtures("sealed_with_old")
class TestRotating:
    def test_afterwards_the_old_key_can_go(self, settings: Any) -> None:
        settings.FIELD_KEYS = [NEW, OLD]
        status, out, err = rotate()
        assert (status, err) == (0, "")
        assert out == "Key “new”: 3 passwords sealed anew, 0 sealed with it before, 0 not opened.\n"
        settings.FIELD_KEYS = [NEW]
        assert revealed() == SECRETS

    def test_a_second_time_nothing_changes(self, settings: Any) -> None:
        settings.FIELD_KEYS = [NEW, OLD]
        rotate()
        tokens = EmailServerProfile.objects.get().incoming_password.token
        assert "0 passwords sealed anew, 3 sealed with it before" in rotate()[1]
        assert EmailServerProfile.objects.get().incoming_password.token == tokens

    def test_what_no_key_opens_is_named_with_its_key_and_left_as_it_is(self, settings: Any) -> None:
        settings.FIELD_KEYS = [NEW]
        Mailbox.objects.update(password=SECRETS[2])
        status, out, err = rotate()
        assert status == 1
        assert "0 passwords sealed anew, 1 sealed with it before, 2 not opened." in out
        profile = EmailServerProfile.objects.get()
        assert f"email server profile Post ({profile.pk}), incoming_password: The key “old”" in err
        assert "outgoing_password: The key “old” that sealed a stored password is missing." in err
        assert profile.incoming_password.key_id == "old"

    def test_one_that_cannot_be_opened_does_not_hold_up_the_others(self, settings: Any) -> None:
        other = f"other:{Fernet.generate_key().decode()}"
        settings.FIELD_KEYS = [other]
        EmailServerProfile.objects.update(incoming_password=SECRETS[0])
        settings.FIELD_KEYS = [NEW, OLD]
        status, out, err = rotate()
        assert status == 1
        assert "2 passwords sealed anew" in out
        assert "The key “other”" in err

    def test_no_secret_is_ever_printed(self, settings: Any) -> None:
        settings.FIELD_KEYS = [NEW, OLD]
        told = "".join(map(str, rotate()))
        assert not [secret for secret in (*SECRETS, OLD, NEW) if secret in told]


def test_a_new_key_is_printed_and_stored_nowhere(db: None, settings: Any) -> None:
    settings.FIELD_KEYS = [OLD]
    status, out, err = rotate("--new")
    settings.FIELD_KEYS = [out.strip(), OLD]
    assert status == 0
    assert list(keys()) == [out.partition(":")[0], "old"]
    assert "Put this before the other keys of FIELD_KEYS" in err


def test_two_keys_of_one_day_have_two_ids(settings: Any) -> None:
    today = date(2026, 3, 1)
    settings.FIELD_KEYS = []
    assert new_key_id(today) == "k20260301"
    settings.FIELD_KEYS = [NEW.replace("new", "k20260301"), OLD.replace("old", "k20260301-2")]
    assert new_key_id(today) == "k20260301-3"


def test_without_a_key_it_says_how_to_get_one(db: None, settings: Any) -> None:
    settings.FIELD_KEYS = []
    with pytest.raises(CommandError, match="rotate_keys --new"):
        rotate()


def test_a_setting_that_cannot_be_read_is_named(db: None, settings: Any) -> None:
    settings.FIELD_KEYS = ["no key at all"]
    with pytest.raises(CommandError, match="FIELD_KEYS: entry 1"):
        rotate()
