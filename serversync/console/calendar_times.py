"""When something begins and ends, as people type it: days, and times of the day where it does not take whole days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from profiles.act_items import Fields
from tracking.crm.models import RecurringAppointmentMaster
from tracking.facts.calendar.agenda import length_of, zone_of

DAY, CLOCK = "%Y-%m-%d", "%H:%M"
FIRST_DAY, LAST_DAY = date(1901, 1, 1), date(2199, 12, 31)
_IN_BOUNDS = (
    MinValueValidator(FIRST_DAY, "Enter a day after 1900."),
    MaxValueValidator(LAST_DAY, "Enter a day before 2200."),
)


def zones_with(zone: str) -> list[tuple[str, str]]:
    """All time zones to choose from, and the one that is chosen."""
    return [(one, one.replace("_", " ")) for one in sorted({*available_timezones(), zone})]


def day_field(label: str, *, required: bool = True) -> forms.DateField:
    """A day, with the browser's own calendar."""
    widget = forms.DateInput(attrs={"type": "date"}, format=DAY)
    return forms.DateField(label=label, widget=widget, input_formats=[DAY], required=required, validators=_IN_BOUNDS)


def clock_field(label: str) -> forms.TimeField:
    """A time of the day."""
    widget = forms.TimeInput(attrs={"type": "time"}, format=CLOCK)
    return forms.TimeField(label=label, widget=widget, input_formats=[CLOCK, "%H:%M:%S"], required=False)


class Styled(forms.Form):
    """Every field in the look of the pages."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple | forms.HiddenInput):
                extra = " ss-date" if getattr(field.widget, "input_type", "") in ("date", "time") else ""
                field.widget.attrs.setdefault("class", f"ss-input{extra}")


class TimesForm(Styled):
    """What every appointment has: a subject, a place, and when it is. `start` and `end` are read from the fields."""

    subject = forms.CharField(label="Subject", max_length=800)
    all_day = forms.BooleanField(label="All day", required=False)
    start_day = day_field("Start")
    start_time = clock_field("at")
    end_day = day_field("End")
    end_time = clock_field("until")
    location = forms.CharField(label="Where", required=False, max_length=200)

    start: datetime | date | None = None
    end: datetime | date | None = None

    def read_times(self, given: Mapping[str, Any], zone: str) -> None:
        """Set `start` and `end`, as days or as times in UTC; or say what is wrong with them."""
        first, last = given["start_day"], given["end_day"]
        if given.get("all_day"):
            if last < first:
                self.add_error("end_day", "It ends before it begins. Choose a later day.")
            self.start, self.end = first, last
            return
        for name in ("start_time", "end_time"):
            if given.get(name) is None and name not in self.errors:
                self.add_error(name, "Enter a time, such as 09:30, or tick “All day”.")
        if not {"start_time", "end_time"} & set(self.errors):
            start = datetime.combine(first, given["start_time"], ZoneInfo(zone)).astimezone(UTC)
            end = datetime.combine(last, given["end_time"], ZoneInfo(zone)).astimezone(UTC)
            if end < start:
                self.add_error("end_time", "It ends before it begins. Choose a later time.")
            self.start, self.end = start, end


class OccurrenceForm(TimesForm):
    """One occurrence of a series: its own times, place and subject (10.4)."""

    def __init__(self, series: RecurringAppointmentMaster, original: datetime, data: Any = None) -> None:
        self.series = series
        super().__init__(data, initial=_initial(series, original))
        del self.fields["all_day"]
        if series.is_all_day_event:
            del self.fields["start_time"], self.fields["end_time"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not {"start_day", "end_day"} & set(self.errors):
            self.read_times({**given, "all_day": self.series.is_all_day_event}, zone_of(self.series).key)
        return given

    def fields_set(self) -> Fields:
        """What was typed, as canonical values."""
        given, end = self.cleaned_data, self.end
        if self.series.is_all_day_event and end is not None:
            end += timedelta(days=1)
        return {
            "subject": " ".join(given["subject"].split()),
            "location": given["location"] or None,
            "start": self.start,
            "end": end,
        }


def _initial(series: RecurringAppointmentMaster, original: datetime) -> dict[str, Any]:
    """As the occurrence is now: as it differs, or as the series has it."""
    zone = zone_of(series)
    own = series.exceptions.filter(original_start_date=original).first()
    start = original if own is None else own.scheduled_start
    end = original + length_of(series) if own is None else own.scheduled_end
    last = end.astimezone(zone).date() - timedelta(days=int(series.is_all_day_event))
    return {
        "subject": series.subject if own is None else own.subject,
        "location": series.location if own is None else own.location,
        "start_day": start.astimezone(zone).date(),
        "start_time": start.astimezone(zone).time(),
        "end_day": last,
        "end_time": end.astimezone(zone).time(),
    }
