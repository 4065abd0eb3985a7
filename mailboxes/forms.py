"""Forms of mailboxes and of the organization."""

from __future__ import annotations

import json
from dataclasses import fields

from django import forms

from mailboxes.models import Mailbox, Organization
from mailboxes.policy import Policy
from profiles.forms import SealedPasswordsForm, clear_password, new_password


class MailboxForm(SealedPasswordsForm):
    """A mailbox as people edit it; its legs are the engine's and no part of it."""

    sealed_columns = ("password",)
    new_password = new_password("Password")
    clear_password = clear_password("Clear the password")

    class Meta:
        model = Mailbox
        exclude: tuple[str, ...] = ()


class OrganizationForm(forms.ModelForm):
    """The settings of the organization: only what differs from the defaults is stored."""

    class Meta:
        model = Organization
        fields = ("name", "default_email_server_profile", "overrides")

    def clean_overrides(self) -> object:
        """An emptied field means: every default."""
        return self.cleaned_data["overrides"] or {}


def policy_table() -> list[tuple[str, str]]:
    """Every setting of the organization with its default, as one would write it in `overrides`."""
    return [(field.name, json.dumps(field.default)) for field in fields(Policy)]
