"""Forms whose passwords are written and never shown (2.5, law 10)."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanWidget

from profiles.models import EmailServerProfile
from profiles.secrets import KeyUnavailable, Sealed


def new_password(label: str) -> forms.CharField:
    """A field to set or replace a password; what is stored is never rendered into it."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False)
    return forms.CharField(label=label, required=False, strip=False, max_length=1000, widget=widget)


def clear_password(label: str) -> forms.BooleanField:
    """A box to remove the stored password."""
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget())


class SealedPasswordsForm(forms.ModelForm):
    """A model form with, for each sealed column, a field `new_…` and a box `clear_…`."""

    sealed_columns: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for column in self.sealed_columns:
            if f"new_{column}" in self.fields:
                self.fields[f"new_{column}"].help_text = _standing(getattr(self.instance, column))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for column in self.sealed_columns:
            self._clean_password(column)
        return cleaned

    def _clean_password(self, column: str) -> None:
        plain, clear = self.cleaned_data.get(f"new_{column}", ""), self.cleaned_data.get(f"clear_{column}", False)
        if plain and clear:
            self.add_error(f"clear_{column}", "Either enter a new password or clear the stored one, not both.")
        elif clear:
            setattr(self.instance, column, Sealed(""))
        elif plain:
            try:
                setattr(self.instance, column, Sealed.of(plain))
            except (KeyUnavailable, ValueError) as error:
                self.add_error(f"new_{column}", str(error))


def _standing(stored: object) -> str:
    """What may be said about a stored password: whether it is set, and which key sealed it."""
    if isinstance(stored, Sealed) and stored:
        return f"A password is set, sealed with the key “{stored.key_id}”. Leave this empty to keep it."
    return "No password is set."


class EmailServerProfileForm(SealedPasswordsForm):
    """A profile as administrators edit it."""

    sealed_columns = ("incoming_password", "outgoing_password")
    new_incoming_password = new_password("Incoming password")
    clear_incoming_password = clear_password("Clear the incoming password")
    new_outgoing_password = new_password("Outgoing password")
    clear_outgoing_password = clear_password("Clear the outgoing password")

    class Meta:
        model = EmailServerProfile
        exclude: tuple[str, ...] = ()
