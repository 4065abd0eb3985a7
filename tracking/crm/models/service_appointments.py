"""Service activities: a service rendered to customers by resources at a time (10.5)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from tracking.crm.models.appointments import TIMES_ONLY, WHOLE_DAYS, AppointmentBase
from tracking.crm.models.states import APPOINTMENT_PAIRS, legal_pairs


class ServiceAppointment(AppointmentBase):
    """A service activity. Who renders it and for whom is in `parties`: roles 10 and 11. It goes to Exchange only: every
    user among its resources gets a copy of their own, without any invitation (10.5)."""

    scheduled_start = models.DateTimeField()
    scheduled_end = models.DateTimeField()

    class Meta:
        verbose_name = "service activity"
        verbose_name_plural = "service activities"
        ordering = ["scheduled_start"]
        constraints = [
            models.CheckConstraint(name="service_state_fits_status", condition=legal_pairs(APPOINTMENT_PAIRS)),
            models.CheckConstraint(
                name="service_ends_after_it_starts", condition=Q(scheduled_end__gte=F("scheduled_start"))
            ),
            models.CheckConstraint(name="service_all_day_has_dates", condition=TIMES_ONLY | WHOLE_DAYS),
        ]
        indexes = [
            models.Index(fields=["scheduled_start"], name="service_start"),
            models.Index(fields=["modified_on"], name="service_modified"),
        ]
