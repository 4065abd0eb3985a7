"""Forms whose passwords are written and never shown (2.5, law 10)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldBooleanWidget

from profiles.encryption import TLS_WORDS, USUAL_PORTS
from profiles.items import Tls
from profiles.models import EmailServerProfile
from profiles.secrets import KeyUnavailable, Sealed
from profiles.validation import Problem, problems, transport_of, warnings

SIDES = ("incoming", "outgoing")


def new_password(label: str) -> forms.CharField:
    """A field to set or replace a password; what is stored is never rendered into it."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False)
    return forms.CharField(label=label, required=False, strip=False, max_length=1000, widget=widget)


def clear_password(label: str) -> forms.BooleanField:
    """A box to remove the stored password."""
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget())


class PartialForm(forms.ModelForm):
    """A form of some columns of a row: what is wrong with the others is not to be mended here, and is no hindrance."""

    def _update_errors(self, errors: ValidationError) -> None:
        if hasattr(errors, "error_dict"):
            here = (*self.fields, NON_FIELD_ERRORS)
            errors = ValidationError({name: found for name, found in errors.error_dict.items() if name in here})
        super()._update_errors(errors)  # type: ignore[misc]


class SealedPasswordsForm(PartialForm):
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


def tls_choice(label: str) -> forms.ChoiceField:
    """2.6 in the words of mail clients."""
    widget = UnfoldAdminSelectWidget()
    return forms.ChoiceField(label=label, choices=TLS_WORDS, initial=Tls.IMPLICIT.value, widget=widget)


class EmailServerProfileForm(SealedPasswordsForm):
    """A profile as administrators edit it: encryption in one word, ports filled in, what does not fit explained."""

    sealed_columns = ("incoming_password", "outgoing_password")
    new_incoming_password = new_password("Incoming password")
    clear_incoming_password = clear_password("Clear the incoming password")
    new_outgoing_password = new_password("Outgoing password")
    clear_outgoing_password = clear_password("Clear the outgoing password")
    incoming_tls = tls_choice("Encryption on receive")
    outgoing_tls = tls_choice("Encryption on send")

    class Meta:
        model = EmailServerProfile
        exclude: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._fill_in()
        for field, sentence in problems(self.cleaned_data):
            self.add_error(field if field in self.fields else None, sentence)
        return cleaned

    def warnings(self) -> list[Problem]:
        """What is saved as it was entered, although it will surely not work. Only after validation."""
        return list(warnings(self.cleaned_data))

    def _fill_in(self) -> None:
        """Tidy what was typed, and fill in the usual port of the encryption."""
        values = self.cleaned_data
        for side in SIDES:
            location, tls = f"{side}_server_location", values.get(f"{side}_tls")
            values[location] = str(values.get(location) or "").strip()
            if tls is None:
                continue
            transport = transport_of(values.get("server_type"), side)
            if values.get(f"{side}_port_number") is None and f"{side}_port_number" not in self.errors:
                values[f"{side}_port_number"] = USUAL_PORTS.get((transport, Tls(tls)))
