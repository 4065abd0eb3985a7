"""Secrets are sealed, never shown, and name the key that is missing (law 10, 2.5)."""

from __future__ import annotations

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection

from profiles.models import EmailServerProfile
from profiles.secrets import KeyUnavailable, Sealed, new_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile() -> EmailServerProfile:
    return EmailServerProfile.objects.create(name="Exchange", server_type=0, incoming_password="s3cret")


def test_a_password_is_sealed_in_the_database_and_opens_again(profile) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select incoming_password from profiles_emailserverprofile")
        (stored,) = cursor.fetchone()
    assert stored.startswith("f1:tests:")
    assert "s3cret" not in stored
    again = EmailServerProfile.objects.get()
    assert again.incoming_password.reveal() == "s3cret"
    assert (again.is_incoming_password_set, again.is_outgoing_password_set) == (True, False)


def test_a_sealed_password_shows_nothing_of_itself(profile) -> None:
    again = EmailServerProfile.objects.get()
    shown = f"{again.incoming_password!r} {again.incoming_password} {vars(again)}"
    assert "s3cret" not in shown
    assert "s3cret" not in serializers.serialize("json", [again])
    assert again.incoming_password.token not in serializers.serialize("json", [again])


def test_a_sealed_column_cannot_be_searched(profile) -> None:
    with pytest.raises(FieldError):
        EmailServerProfile.objects.filter(incoming_password="s3cret").exists()


def test_saving_a_profile_again_keeps_its_password(profile) -> None:
    again = EmailServerProfile.objects.get()
    token = again.incoming_password.token
    again.name = "Renamed"
    again.save()
    assert EmailServerProfile.objects.get().incoming_password.token == token


def test_a_missing_key_is_named(profile, settings) -> None:
    settings.FIELD_KEYS = [f"new:{new_key()}"]
    with pytest.raises(KeyUnavailable, match=r"“tests”.*is missing"):
        EmailServerProfile.objects.get().incoming_password.reveal()


def test_a_key_that_does_not_fit_is_named(profile, settings) -> None:
    settings.FIELD_KEYS = [f"tests:{new_key()}"]
    with pytest.raises(KeyUnavailable, match=r"“tests”.*does not fit"):
        EmailServerProfile.objects.get().incoming_password.reveal()


def test_no_key_at_all_says_so(settings) -> None:
    settings.FIELD_KEYS = []
    with pytest.raises(KeyUnavailable, match="is not configured"):
        Sealed.of("x")


def test_a_malformed_key_entry_is_named(settings) -> None:
    settings.FIELD_KEYS = ["fine:" + new_key(), "bad:not-a-key"]
    with pytest.raises(ValueError, match=r"entry 2 .“bad”"):
        Sealed.of("x")
