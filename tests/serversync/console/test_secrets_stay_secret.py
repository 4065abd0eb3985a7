"""Secrets are planted everywhere they may be stored; then every page is opened by everybody, and nothing is to be found."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from mailboxes.models import Mailbox
from profiles.models import EmailServerProfile
from tests.serversync.console.roles import Office
from tests.serversync.console.test_permission_matrix import (
    QUERIES,
    addresses_with_a_line,
    arguments,
    expected,
    things,
)

__all__ = ["things"]
TYPED = "typed just now into a form"
PLANTED = ("planted in the profile", "planted in the mailbox", "planted for sending")


@pytest.fixture
def secrets(office: Office) -> list[str]:
    """What no page may show: the planted passwords, their sealed forms, the keys and a password typed into a form."""
    profile, of = EmailServerProfile.objects.get(), Mailbox.objects.get(pk=office.alices.pk)
    profile.incoming_password, profile.outgoing_password, of.password = PLANTED[0], PLANTED[2], PLANTED[1]
    profile.save()
    of.save()
    stored = [EmailServerProfile.objects.get().incoming_password.token, Mailbox.objects.get(pk=of.pk).password.token]
    assert all(len(token) > 40 for token in stored)
    keys = [key.partition(":")[2] for key in settings.FIELD_KEYS]
    return [*PLANTED, *stored, *keys, settings.SECRET_KEY, TYPED]


def test_no_page_and_no_log_shows_a_secret(
    office: Office, things: dict[str, Any], secrets: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    opened = 0
    for role in ("alice", "auditor", "administrator", "superuser"):
        for name in addresses_with_a_line():
            method, _ = expected(name) or ("GET", "")
            if name.endswith("logout"):
                continue
            address = reverse(name, args=arguments(name, office, things)) + QUERIES.get(name, "")
            answer = office.browsers[role].generic(method, address)
            page = answer.content.decode(errors="replace") + str(answer.headers)
            assert not [secret for secret in secrets if secret in page], (role, name)
            opened += answer.status_code == 200
    for name in ("credentials", "filter"):
        address = reverse(f"owner:{name}", args=[office.alices.pk])
        answer = office.browsers["alice"].post(
            address, {"new_password": TYPED, "clear_password": "on", "takes": TYPED[:0]}
        )
        assert TYPED not in answer.content.decode()
        assert answer.status_code == 422
    assert opened > 150
    assert not [secret for secret in secrets if secret in caplog.text]
