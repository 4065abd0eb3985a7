"""Forms that decide who reads a mailbox: the rules of `readers.py` at the place where people are chosen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from mailboxes import readers
from mailboxes.models import Mailbox, Queue, QueueMember


class ChoosesReaders(forms.ModelForm):
    """A form with fields that make somebody a reader. `by` is who fills it in; without them nothing is checked."""

    reader_fields: tuple[str, ...] = ()
    by: User | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in self.reader_fields:
            if name in self.changed_data and not self._is_fit(self.cleaned_data.get(name)):
                self.add_error(name, readers.REFUSAL)
        return cleaned

    def _is_fit(self, chosen: User | Queue | None) -> bool:
        if self.by is None or chosen is None:
            return True
        people = readers.people_of(chosen.pk) if isinstance(chosen, Queue) else {chosen.pk}
        return readers.may_make_readers(self.by, mailbox_behind(self.instance), people)


class QueueMemberForm(ChoosesReaders):
    """One member of a queue."""

    reader_fields = ("user",)

    class Meta:
        model = QueueMember
        fields = ("user",)


def mailbox_behind(instance: Model) -> Mailbox | None:
    """The mailbox whose readers a form decides about, as it is stored; None while it does not exist yet."""
    if isinstance(instance, Mailbox):
        return Mailbox.objects.filter(pk=instance.pk).first()
    queue_id = instance.queue_id if isinstance(instance, QueueMember) else instance.pk
    return None if queue_id is None else Mailbox.objects.filter(regarding_queue_id=queue_id).first()


class KnowsWho:
    """Put before an inline: its forms know who fills them in."""

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)  # type: ignore[misc]
        formset.form.by = request.user
        return formset


class AnnouncesReaders:
    """Put before ModelAdmin: its form is one of the above, and whoever becomes a reader by it is announced."""

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        form.by = request.user
        return form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """The last moment before anything is stored."""
        mailbox = mailbox_behind(form.instance) if change else None
        request.readers_before = readers.readers_of(mailbox) if mailbox else set()  # type: ignore[attr-defined]
        return super().save_form(request, form, change)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        mailbox = mailbox_behind(form.instance) if change else None
        if mailbox is not None and isinstance(request.user, User):
            readers.announce(mailbox, request.readers_before, request.user, timezone.now())  # type: ignore[attr-defined]
