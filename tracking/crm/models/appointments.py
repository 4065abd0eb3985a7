"""Appointments and series of them (10.2–10.4)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from tracking.crm.models.activities import Activity
from tracking.crm.models.states import APPOINTMENT_PAIRS, AppointmentStatus, legal_pairs

TIMES_ONLY = Q(is_all_day_event=False, start_date=None, end_date=None)
WHOLE_DAYS = Q(is_all_day_event=True, start_date__isnull=False, end_date__isnull=False, end_date__gt=F("start_date"))


class InstanceType(models.IntegerChoices):
    """`instancetypecode`. The last one is kept for its number: a series that is split becomes two series here."""

    NOT_RECURRING = 0, "Not recurring"
    MASTER = 1, "Series"
    INSTANCE = 2, "Occurrence"
    EXCEPTION = 3, "Occurrence that differs from its series"
    FUTURE_EXCEPTION = 4, "Later part of a series"


class RecurrencePatternType(models.IntegerChoices):
    """`recurrencepatterntype`"""

    DAILY = 0, "Daily"
    WEEKLY = 1, "Weekly"
    MONTHLY = 2, "Monthly"
    YEARLY = 3, "Yearly"


class PatternEndType(models.IntegerChoices):
    """`patternendtype`"""

    NO_END_DATE = 1, "No end date"
    OCCURRENCES = 2, "After a number of occurrences"
    PATTERN_END_DATE = 3, "On a date"


class AppointmentBase(Activity):
    """What single appointments and series share. Who takes part is in `parties`: roles 5, 6 and 7.

    An all-day appointment has dates, which no time zone can move; its times are then the midnights of its zone, so that
    lists can sort by them. `end_date` is the day after its last day, as in iCalendar.
    """

    status_code = models.PositiveSmallIntegerField("status", choices=AppointmentStatus, default=AppointmentStatus.BUSY)
    location = models.CharField(max_length=200, blank=True)
    is_all_day_event = models.BooleanField("all day", default=False)
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True, help_text="The day after the last one.")
    iana_time_zone = models.CharField(max_length=64, default="UTC")
    windows_time_zone = models.CharField(max_length=64, blank=True)
    is_mapi_private = models.BooleanField("private", default=False)
    global_object_id = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True


class Appointment(AppointmentBase):
    """One appointment, or one occurrence that differs from its series (10.4). Occurrences that do not differ have no row:
    they are computed from the series."""

    scheduled_start = models.DateTimeField()
    scheduled_end = models.DateTimeField()
    instance_type_code = models.PositiveSmallIntegerField(choices=InstanceType, default=InstanceType.NOT_RECURRING)
    series = models.ForeignKey(
        "crm.RecurringAppointmentMaster", models.CASCADE, null=True, blank=True, related_name="exceptions"
    )
    original_start_date = models.DateTimeField(
        null=True, blank=True, help_text="When it would have begun if it did not differ from its series."
    )
    modified_fields_mask = models.TextField(
        blank=True, help_text="The fields in which it differs from its series, separated by spaces."
    )

    class Meta:
        ordering = ["scheduled_start"]
        constraints = [
            models.CheckConstraint(name="appointment_state_fits_status", condition=legal_pairs(APPOINTMENT_PAIRS)),
            models.CheckConstraint(
                name="appointment_ends_after_it_starts", condition=Q(scheduled_end__gte=F("scheduled_start"))
            ),
            models.CheckConstraint(name="appointment_all_day_has_dates", condition=TIMES_ONLY | WHOLE_DAYS),
            models.CheckConstraint(
                name="appointment_of_series_has_original_start",
                condition=Q(series=None, original_start_date=None)
                | Q(series__isnull=False, original_start_date__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["series", "original_start_date"],
                name="exception_once_per_series",
                condition=Q(series__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["scheduled_start"], name="appointment_start"),
            models.Index(fields=["owner", "scheduled_start"], name="appointment_of_owner"),
            models.Index(fields=["modified_on"], name="appointment_modified"),
            models.Index(fields=["global_object_id"], name="appointment_uid", condition=~Q(global_object_id="")),
        ]


class RecurringAppointmentMaster(AppointmentBase):
    """A series of appointments, in its own time zone, which it keeps by both names.

    `effective_start_date` is when its first occurrence begins and `duration` how long each takes;
    `effective_end_date` is when its last one ends, empty where it never does. `tracking.crm.recurrence_columns`
    turns the pattern into a `Recurrence` and back.
    """

    effective_start_date = models.DateTimeField()
    effective_end_date = models.DateTimeField(null=True, blank=True)
    duration = models.PositiveIntegerField("duration in minutes", default=30)
    pattern_start_date = models.DateField(null=True, blank=True)
    pattern_end_date = models.DateField(null=True, blank=True)
    pattern_end_type = models.PositiveSmallIntegerField(choices=PatternEndType, default=PatternEndType.NO_END_DATE)
    occurrences = models.PositiveIntegerField(null=True, blank=True)
    recurrence_pattern_type = models.PositiveSmallIntegerField(
        choices=RecurrencePatternType, default=RecurrencePatternType.DAILY
    )
    interval = models.PositiveIntegerField(default=1)
    days_of_week_mask = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The sum of: Sunday 1, Monday 2, Tuesday 4 … Saturday 64."
    )
    day_of_month = models.PositiveSmallIntegerField(null=True, blank=True)
    month_of_year = models.PositiveSmallIntegerField(null=True, blank=True)
    instance = models.PositiveSmallIntegerField(null=True, blank=True, help_text="First 1 … fourth 4, last 5.")
    is_nth_monthly = models.BooleanField(default=False)
    is_nth_yearly = models.BooleanField(default=False)
    first_day_of_week = models.PositiveSmallIntegerField(default=0, help_text="Sunday 0 … Saturday 6.")
    deleted_exceptions_list = models.JSONField(
        default=list, blank=True, help_text="The original starts of the occurrences that were taken out, in UTC."
    )
    series_status = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["effective_start_date"]
        constraints = [
            models.CheckConstraint(name="series_state_fits_status", condition=legal_pairs(APPOINTMENT_PAIRS)),
            models.CheckConstraint(name="series_all_day_has_dates", condition=TIMES_ONLY | WHOLE_DAYS),
            models.CheckConstraint(
                name="series_numbers_in_range",
                condition=Q(interval__gte=1)
                & (Q(days_of_week_mask=None) | Q(days_of_week_mask__range=(1, 127)))
                & (Q(day_of_month=None) | Q(day_of_month__range=(1, 31)))
                & (Q(month_of_year=None) | Q(month_of_year__range=(1, 12)))
                & (Q(instance=None) | Q(instance__range=(1, 5)))
                & Q(first_day_of_week__lte=6),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "effective_start_date"], name="series_of_owner"),
            models.Index(fields=["modified_on"], name="series_modified"),
            models.Index(fields=["global_object_id"], name="series_uid", condition=~Q(global_object_id="")),
        ]
