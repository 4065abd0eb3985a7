"""Forms that take an address over from another mailbox only after asking (1.3)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mailboxes import provision
from mailboxes.models import Mailbox, Queue

MAY_TAKE_OVER = "mailboxes.change_mailbox"
ANSWER = "take_over"


class AsksToTakeOver(forms.ModelForm):
    """A form with an address. One that another mailbox serves is refused with a question; the answer names that mailbox."""

    address_field = "email_address"
    may_take_over = False
    takes_over = False

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        address = str(self.cleaned_data.get(self.address_field) or "")
        holder = provision.holder_of(address) if self.address_field in self.changed_data else None
        if holder is not None and holder.pk != self._own_mailbox_id():
            answer = str(self.data.get(self.add_prefix(ANSWER), ""))
            self.takes_over = self.may_take_over and answer == str(holder.pk)
            if not self.takes_over:
                self.add_error(self.address_field, ValidationError(self._question(holder)))
        return cleaned

    def _own_mailbox_id(self) -> Any:
        if isinstance(self.instance, Mailbox):
            return self.instance.pk
        mailbox = provision.mailbox_of(self.instance) if self.instance.pk else None
        return mailbox.pk if mailbox else None

    def _get_validation_exclusions(self) -> set[str]:
        """The database keeps an address unique; here it is taken from the other mailbox before it is written."""
        excluded = super()._get_validation_exclusions()  # type: ignore[misc]
        return {*excluded, self.address_field} if self.takes_over else excluded

    def _question(self, holder: Mailbox) -> str | SafeString:
        of = holder.regarding_queue or holder.regarding_user
        whose = "a forward mailbox" if of is None else f"the {'queue' if isinstance(of, Queue) else 'user'} {of}"
        if not self.may_take_over:
            return f"This address belongs to the mailbox “{holder}” of {whose}. Use another one."
        return format_html(
            "This address belongs to the mailbox “{}” of {}. Use another one, or take it over: then that mailbox and its "
            "owner lose the address, nothing is synchronized there any more, and here it has to be approved and tested "
            'anew. <label class="ss-answer"><input type="checkbox" name="{}" value="{}"> Take it over from “{}”</label>',
            holder,
            whose,
            self.add_prefix(ANSWER),
            holder.pk,
            holder,
        )


class TakeOverAdmin:
    """Put before ModelAdmin: its form is one of the above, and an address is taken over once the row is stored."""

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        form.may_take_over = request.user.has_perm(MAY_TAKE_OVER)
        return form

    def save_model(self, request: HttpRequest, obj: User | Queue, form: AsksToTakeOver, change: bool) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        if form.takes_over:
            provision.take_over_for(obj, form.cleaned_data[form.address_field])
