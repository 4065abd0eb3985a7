"""Blobs: original messages and attachments as files, protected by rows (law 3, design.md "Blobs")."""

from __future__ import annotations

from uuid import UUID

from django.db import models


class Blob(models.Model):
    """One stored file, named by the SHA-256 of its bytes. The file is on disk before this row is committed."""

    digest = models.CharField(primary_key=True, max_length=64)
    size = models.PositiveBigIntegerField()
    created_on = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:12]


class AppointmentAttachment(models.Model):
    """A file with an appointment. Synchronized only if a setting says so, and never with a series (10.3.8)."""

    appointment = models.ForeignKey("crm.Appointment", models.CASCADE, related_name="attachments")
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=255)
    mime_type = models.CharField(max_length=256, blank=True)
    file_size = models.PositiveBigIntegerField()
    created_on = models.DateTimeField()

    appointment_id: UUID

    class Meta:
        ordering = ["file_name"]
        constraints = [models.UniqueConstraint(fields=["appointment", "file_name"], name="appointment_file_name_once")]

    def __str__(self) -> str:
        return f"Attachment of appointment {self.appointment_id}"


class ActivityMimeAttachment(models.Model):
    """One attachment of an email. Its content is part `part_number` of the email's original, or a blob of its own."""

    email = models.ForeignKey("crm.Email", models.CASCADE, related_name="attachments")
    attachment_number = models.PositiveIntegerField()
    part_number = models.PositiveIntegerField(null=True, blank=True)
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, blank=True, related_name="+")
    file_name = models.CharField(max_length=255, blank=True)
    mime_type = models.CharField(max_length=256, blank=True)
    file_size = models.PositiveBigIntegerField(default=0)
    attachment_content_id = models.CharField(max_length=250, blank=True)
    is_inline = models.BooleanField(default=False)
    is_left_out = models.BooleanField(default=False, help_text="Not to be had here; still in the original (5.19).")
    left_out_because = models.CharField(max_length=200, blank=True)

    email_id: UUID

    class Meta:
        ordering = ["attachment_number"]
        constraints = [
            models.UniqueConstraint(fields=["email", "attachment_number"], name="attachment_number_once_per_email")
        ]

    def __str__(self) -> str:
        return f"Attachment {self.attachment_number} of {self.email_id}"
