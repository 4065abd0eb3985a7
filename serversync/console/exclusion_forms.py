"""What an owner writes about mail that is never, or no longer, to be tracked (law 12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from crispy_forms.helper import FormHelper
from django import forms
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from mailboxes.models import Mailbox
from tracking.decide.exclusions import as_stored
from tracking.models.exclusions import ExclusionKind


class ExclusionForm(forms.Form):
    """An address, a domain or a conversation, each with an example."""

    kind = forms.TypedChoiceField(
        label="Never track",
        coerce=lambda value: ExclusionKind(int(value)),
        choices=[
            (ExclusionKind.ADDRESS.value, "an address"),
            (ExclusionKind.DOMAIN.value, "a domain and its subdomains"),
            (ExclusionKind.THREAD.value, "a conversation"),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    value = forms.CharField(
        label="Namely",
        max_length=320,
        help_text="For example reception@dentist.example, or dentist.example; of a conversation the Message-ID of its "
        "first message, such as &lt;abc@mail.example&gt;, or press “Never track…” on the page of one of its emails.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "kind" in found and "value" in found:
            try:
                found["value"] = as_stored(found["kind"].name.lower(), found["value"])
            except ValueError as error:
                self.add_error("value", str(error))
        return found


class DayWidget(forms.DateInput):
    """The browser's own calendar, in the look of the console."""

    input_type = "date"

    def __init__(self, **more: Any) -> None:
        super().__init__(attrs={"class": " ".join(BASE_INPUT_CLASSES)}, **more)


class SinceForm(forms.Form):
    """From which day on everything is taken out of tracking."""

    day = forms.DateField(
        label="Received since",
        help_text="From the beginning of this day.",
        widget=DayWidget(format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True

    def start(self, mailbox: Mailbox) -> datetime:
        """When that day began where the owner of the mailbox lives."""
        owner = mailbox.regarding_user or (mailbox.regarding_queue.owner if mailbox.regarding_queue else None)
        settings = getattr(owner, "sync_settings", None)
        return beginning_of(self.cleaned_data["day"], settings.time_zone if settings else "UTC")


def beginning_of(day: date, zone: str) -> datetime:
    """Midnight there; in UTC where the zone is not known."""
    try:
        return datetime.combine(day, time(), ZoneInfo(zone))
    except (KeyError, ValueError):
        return datetime.combine(day, time(), UTC)
