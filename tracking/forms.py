"""Forms of the console for what people decide about tracking."""

from __future__ import annotations

from typing import Any

from django import forms

from tracking.decide.exclusions import as_stored
from tracking.models import TrackingExclusion
from tracking.models.exclusions import ExclusionKind


class OrganizationExclusionForm(forms.ModelForm):
    """What is never tracked in any mailbox: an address, a domain, or a conversation."""

    class Meta:
        model = TrackingExclusion
        fields = ("kind", "value")
        help_texts = {
            "value": "For example reception@dentist.example, or dentist.example; of a conversation the Message-ID of "
            "its first message, such as &lt;abc@mail.example&gt;.",
        }

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("kind") is None or "value" not in found:
            return found
        kind = ExclusionKind(found["kind"])
        try:
            found["value"] = as_stored(kind.name.lower(), found["value"])
        except ValueError as error:
            self.add_error("value", str(error))
            return found
        same = TrackingExclusion.objects.filter(mailbox=None, kind=kind, value=found["value"])
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("value", "It is excluded already.")
        return found
