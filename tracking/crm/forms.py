"""Forms of the console for records."""

from __future__ import annotations

from typing import Any

from django import forms

from tracking.crm.models import Contact
from tracking.crm.names import full_name_of


class ContactForm(forms.ModelForm):
    """A contact. The parts of the name make the whole one; who has no parts enters it as a whole."""

    class Meta:
        model = Contact
        fields = "__all__"  # noqa: DJ007  # every column is there to be edited
        help_texts = {"full_name": "Made of the parts of the name, where there are any."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "full_name" in self.fields:  # who may only look has none
            self.fields["full_name"].required = False

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        parts = [found.get(name, "") for name in ("first_name", "middle_name", "last_name", "suffix")]
        whole = full_name_of(*parts) or found.get("full_name", "")
        if not whole:
            self.add_error("full_name", "Enter a first name, a last name, or the whole name.")
        elif len(whole) > 160:
            self.add_error("full_name", "The whole name is longer than 160 characters. Shorten one of its parts.")
        found["full_name"] = whole
        return found
