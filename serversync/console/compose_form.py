"""The form of an email: what a person types, read into what is written; mistakes are named by field, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Model
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from mailboxes.policy import Policy
from profiles.connectors.mime import Address, summary_of_html
from serversync.console import compose_files as files
from serversync.console.compose_people import as_typed, read_people
from tracking.crm.models import Email
from tracking.crm.models.states import Priority
from tracking.crm.sending_rights import SenderChoice
from tracking.crm.writing import NewAttachment, NewEmail
from tracking.facts.directory import Found, key_of, label_of, record_of, records_like

LONGEST_FIELD = 50_000  # characters of recipients
LOCAL_TIME = "%Y-%m-%dT%H:%M"
ROLES = ("to", "cc", "bcc")
KEEPS = "keep"  # the record that the draft or the original has, which the person may not see


class WrittenForm(forms.Form):
    """One email. Names of fields are those of the page; the template writes the elements."""

    sender = forms.ChoiceField(label="From")
    to = forms.CharField(label="To", required=False, max_length=LONGEST_FIELD)
    cc = forms.CharField(label="Cc", required=False, max_length=LONGEST_FIELD)
    bcc = forms.CharField(label="Bcc", required=False, max_length=LONGEST_FIELD)
    subject = forms.CharField(label="Subject", required=False, max_length=800)
    format = forms.ChoiceField(choices=[("text", "Plain text"), ("html", "Rich text")], required=False)
    text = forms.CharField(label="Message", required=False, strip=False)
    html = forms.CharField(required=False, strip=False)
    regarding = forms.CharField(required=False, max_length=100)
    regarding_name = forms.CharField(label="Regarding", required=False, max_length=400)
    priority = forms.TypedChoiceField(label="Importance", choices=Priority.choices, coerce=int, required=False)
    not_before = forms.DateTimeField(label="Send later, not before", required=False, input_formats=[LOCAL_TIME])
    delivery_receipt = forms.BooleanField(label="Ask for a delivery receipt", required=False)
    read_receipt = forms.BooleanField(label="Ask for a read receipt", required=False)

    def __init__(
        self,
        senders: Sequence[SenderChoice],
        user: Any,
        policy: Policy,
        now: datetime,
        data: QueryDict | None = None,
        uploads: MultiValueDict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(data, **more)
        self.given = data or QueryDict()
        self.user, self.policy, self.now = user, policy, now
        self.mailboxes = {str(one.mailbox.pk): one.mailbox for one in senders}
        self.fields["sender"].choices = [(str(one.mailbox.pk), _from(one)) for one in senders]  # type: ignore[attr-defined]
        self.fields["sender"].error_messages["invalid_choice"] = "You may not send from this mailbox. Choose another."
        self.fields["not_before"].error_messages["invalid"] = "Enter a day and a time, such as 2026-03-01T09:00."
        self.people: dict[str, list[Address]] = {}
        self.attached: list[tuple[files.File, NewAttachment]] = []
        self.shown_files: list[files.File] = []
        self.record: Model | None = None
        self.candidates: list[Found] = []
        self.uploads = uploads.getlist("files") if uploads else []

    def clean(self) -> dict[str, Any]:
        """Recipients, the record and the files, each with its own mistakes."""
        given = super().clean() or {}
        for role in ROLES:
            self.people[role], problems = read_people(given.get(role, ""), self.user)
            for problem in problems:
                self.add_error(role, problem)
        self._read_files()
        self._read_record(given)
        when = given.get("not_before")
        if when is not None and when <= self.now and self.given.get("do") == "send":
            self.add_error("not_before", "This time has passed. Choose a later one, or leave it empty to send now.")
        return given

    def _read_files(self) -> None:
        """Nothing is read into memory before number and size of all files together are known to be right."""
        kept, problems = files.listed(self.given.getlist("file"), self.user)
        new, refused = files.take_in(self.uploads, self.policy, self.user, self.now, beside=kept)
        self.shown_files = [*kept, *new]
        lost: list[str] = []
        large = files.too_large(self.shown_files, self.policy)
        if not large:
            self.attached, lost = files.with_contents(self.shown_files, self.user)
            self.shown_files = [file for file, _ in self.attached]
        for problem in [*problems, *refused, *lost, *([large] if large else [])]:
            self.add_error(None, problem)

    def _read_record(self, given: dict[str, Any]) -> None:
        """The record that was chosen, if the field still names it; else the one that bears the typed name."""
        key, name = given.get("regarding", ""), given.get("regarding_name", "").strip()
        picked = record_of(self.user, self.given.get("chosen", ""))
        if picked is not None or not name or key == KEEPS:
            self.record = picked
            return
        chosen = record_of(self.user, key)
        if chosen is not None and name == label_of(chosen):
            self.record = chosen
            return
        found = records_like(self.user, name)
        exact = [one for one in found if name.casefold() in (one.label.casefold(), one.name.casefold())] or found
        if len(exact) == 1:
            self.record = record_of(self.user, exact[0].key)
        elif exact:
            self.candidates = exact
            self.add_error("regarding_name", f"Several records are called like “{name}”. Choose one of them below.")
        else:
            self.add_error("regarding_name", f"There is no record that you may see called “{name}”.")

    def written(self, answers: Email | None) -> NewEmail:
        """What was typed, as it is saved. Call it when the form is valid."""
        given = self.cleaned_data
        is_html = given["format"] == "html" and bool(summary_of_html(given["html"]).strip() or "<img" in given["html"])
        keeps = given["regarding"] == KEEPS and bool(given["regarding_name"])
        return NewEmail(
            mailbox=self.mailboxes[given["sender"]],
            to=self.people["to"],
            cc=self.people["cc"],
            bcc=self.people["bcc"],
            subject=" ".join(given["subject"].split()),
            text="" if is_html else given["text"].replace("\r\n", "\n"),
            html=given["html"] if is_html else "",
            answers=answers,
            regarding=self.record,
            is_about_nothing=not keeps and self.record is None,
            attachments=[new for _, new in self.attached],
            priority=Priority.NORMAL if given["priority"] in (None, "") else given["priority"],
            not_before=given["not_before"],
            asks_for_delivery_receipt=given["delivery_receipt"],
            asks_for_read_receipt=given["read_receipt"],
        )


def _from(choice: SenderChoice) -> str:
    return f"{choice.mailbox} <{choice.mailbox.email_address}> ({choice.reason})"


def initial_of(new: NewEmail, user: Any, about: Email | None) -> dict[str, Any]:
    """The fields of an email that is written already, or proposed; `about` is the email whose record it shares."""
    key, name = _regarding(new, user, about)
    return {
        "sender": str(new.mailbox.pk),
        "to": as_typed(new.to),
        "cc": as_typed(new.cc),
        "bcc": as_typed(new.bcc),
        "subject": new.subject,
        "format": "html" if new.html else "text",
        "text": new.text or summary_of_html(new.html),
        "html": new.html,
        "regarding": key,
        "regarding_name": name,
        "priority": new.priority,
        "not_before": new.not_before,
        "delivery_receipt": new.asks_for_delivery_receipt,
        "read_receipt": new.asks_for_read_receipt,
    }


def _regarding(new: NewEmail, user: Any, about: Email | None) -> tuple[str, str]:
    """Key and name of the record. One that the person may not see stays unless somebody empties the field."""
    if new.regarding is not None:
        return key_of(new.regarding), label_of(new.regarding)
    if about is None or not about.regarding_id:
        return "", ""
    key = f"{about.regarding_type_id}:{about.regarding_id}"
    record = record_of(user, key)
    return (key, label_of(record)) if record is not None else (KEEPS, about.regarding_name or "a record")
