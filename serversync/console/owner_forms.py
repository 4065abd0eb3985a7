"""What an owner may change about a mailbox: the filter, the credentials and, where policy allows it, the methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from mailboxes import combinations, provision
from mailboxes.models import ActDeliveryMethod, AutoCreate, IncomingFilter, Mailbox, UserSettings
from mailboxes.models.settings import current_policy
from mailboxes.policy import filters_offered
from profiles.forms import PartialForm, SealedPasswordsForm, clear_password, new_password
from profiles.models import CredentialRetrieval

EXAMPLES = {
    IncomingFilter.ALL_MESSAGES: "Everything that arrives is kept, a newsletter as well.",
    IncomingFilter.RESPONSES_TO_OUR_MAIL: "Dora answers a mail that was sent from here: kept. She writes first: not kept.",
    IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS: "Dora is a contact: all her mail is kept. A stranger’s is not.",
    IncomingFilter.FROM_EMAIL_ENABLED_RECORDS: "Anybody with a record and an address here, a queue as well: "
    "kept. A stranger’s mail is not.",
    IncomingFilter.NO_MESSAGES: "Nothing is kept; your mail only stays where it is.",
}


def _explained(texts: Mapping[Any, str]) -> list[tuple[int, SafeString]]:
    """The choices with a sentence below each."""
    shown = '<span><strong>{}</strong><br><span class="ss-subtle">{}</span></span>'
    return [(number.value, format_html(shown, number.label, text)) for number, text in texts.items()]


class FilterForm(forms.Form):
    """Which incoming mail is kept, the five filters with an example each (5.4), as far as they are offered (5.5)."""

    is_forced = False

    takes = forms.TypedChoiceField(
        label="Keep",
        coerce=int,
        choices=_explained(EXAMPLES),
        widget=UnfoldAdminRadioSelectWidget(),
    )

    def __init__(self, mailbox: Mailbox, data: Any = None) -> None:
        self.mailbox = mailbox
        chosen = filter_of(mailbox)
        super().__init__(data, initial={"takes": chosen})
        if mailbox.regarding_user_id is not None:
            self._offer(chosen)
        self.helper = _helper()

    def _offer(self, chosen: int) -> None:
        policy, field = current_policy(), self.fields["takes"]
        offered = filters_offered(policy, chosen)
        field.choices = [choice for choice in field.choices if choice[0] in offered]  # type: ignore[attr-defined]
        self.is_forced = policy.sss_force_filtering_method_for_user_mailboxes >= 0
        if self.is_forced:
            field.help_text = "Your organization has set this for everybody."

    def save(self) -> None:
        """Mail that arrives from now on is judged by it; what was decided stays decided."""
        takes = self.cleaned_data["takes"]
        if self.is_forced:  # one's own choice is kept for the day when the organization leaves it to people again
            return
        if self.mailbox.regarding_queue is not None:
            self.mailbox.regarding_queue.incoming_email_filtering_method = takes
            self.mailbox.regarding_queue.save(update_fields=["incoming_email_filtering_method"])
        elif self.mailbox.regarding_user is not None:
            UserSettings.objects.update_or_create(
                user=self.mailbox.regarding_user, defaults={"incoming_email_filtering_method": takes}
            )


CREATING = {
    AutoCreate.NOTHING: "The sender stays an address. You can still say who it is on the page of the mail.",
    AutoCreate.CONTACT: "Dora writes for the first time: she becomes a contact of yours, with her name and address.",
    AutoCreate.LEAD: "Dora writes for the first time: she becomes a lead of yours, with her name and address.",
}


class NewcomersForm(forms.Form):
    """What becomes of unknown senders of mail that is kept (5.15). The owner of a queue chooses for the queue as well."""

    becomes = forms.TypedChoiceField(
        label="An unknown sender of mail that is kept becomes",
        coerce=int,
        choices=_explained(CREATING),
        widget=UnfoldAdminRadioSelectWidget(),
    )

    def __init__(self, mailbox: Mailbox, data: Any = None) -> None:
        self.mailbox = mailbox
        stored = UserSettings.objects.filter(user=mailbox.regarding_user)
        chosen = stored.values_list("auto_create_contact_on_promote", flat=True).first()
        super().__init__(data, initial={"becomes": AutoCreate.NOTHING if chosen is None else chosen})
        if not current_policy().auto_create_contact_on_promote:
            self.fields["becomes"].help_text = "Your organization has switched this off for everybody."
        self.helper = _helper()

    def save(self) -> None:
        """It counts for mail that arrives from now on."""
        UserSettings.objects.update_or_create(
            user=self.mailbox.regarding_user,
            defaults={"auto_create_contact_on_promote": self.cleaned_data["becomes"]},
        )


class SendAsForm(forms.ModelForm):
    """Whether others may send email in one's own name; nobody else can agree to it (7.5)."""

    class Meta:
        model = UserSettings
        fields = ("is_send_as_allowed",)
        widgets = {"is_send_as_allowed": UnfoldBooleanWidget()}
        labels = {"is_send_as_allowed": "Others may send email as me"}
        help_texts = {
            "is_send_as_allowed": "Only people who have the permission to send as another user. "
            "You can read what was sent in your name, and who pressed “Send”."
        }

    def __init__(self, mailbox: Mailbox, data: Any = None) -> None:
        stored, _ = UserSettings.objects.get_or_create(user=mailbox.regarding_user)
        super().__init__(data, instance=stored)
        self.helper = _helper()


def filter_of(mailbox: Mailbox) -> int:
    """The filter in force: a queue's own, that of the user's settings, or the one of the organization for all (5.5)."""
    if mailbox.regarding_queue is not None:
        return mailbox.regarding_queue.incoming_email_filtering_method
    forced = current_policy().sss_force_filtering_method_for_user_mailboxes
    if forced >= 0:
        return forced
    stored = UserSettings.objects.filter(user=mailbox.regarding_user)
    found = stored.values_list("incoming_email_filtering_method", flat=True).first()
    return IncomingFilter.RESPONSES_TO_OUR_MAIL if found is None else found


class CredentialsForm(SealedPasswordsForm):
    """User name and password, where the profile takes them from the mailbox (2.2, 2.3). The password is write-only."""

    sealed_columns = ("password",)
    new_password = new_password("New password")
    clear_password = clear_password("Clear the stored password")

    class Meta:
        model = Mailbox
        fields = ("username", "allow_email_connector_to_use_credentials")
        widgets = {
            "username": UnfoldAdminTextInputWidget(attrs={"autocomplete": "username"}),
            "allow_email_connector_to_use_credentials": UnfoldBooleanWidget(),
        }
        labels = {
            "username": "User name",
            "allow_email_connector_to_use_credentials": "Use them to fetch and send my mail",
        }

    field_order = ("username", "new_password", "allow_email_connector_to_use_credentials", "clear_password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = "Empty: the address of the mailbox."
        self.fields["allow_email_connector_to_use_credentials"].help_text = "Otherwise the password is never used."
        stored = (
            "A password is stored. Leave this empty to keep it." if self.instance.password else "None is stored yet."
        )
        self.fields["new_password"].help_text = stored
        self.helper = _helper()


class MethodsForm(PartialForm):
    """How mail comes in and goes out. Only what this mailbox may have is offered (1.2)."""

    class Meta:
        model = Mailbox
        fields = ("incoming_email_delivery_method", "outgoing_email_delivery_method", "act_delivery_method")
        widgets = dict.fromkeys(fields, UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.instance.combination()
        may = combinations.allowed(kind.owner, kind.server)
        if kind.server is not combinations.Server.EXCHANGE or may["act_delivery_method"] == {ActDeliveryMethod.NONE}:
            del self.fields["act_delivery_method"]
        for name, field in self.fields.items():
            possible = may[name] - {combinations.OUTLOOK[name]}
            field.choices = [choice for choice in field.choices if choice[0] in possible]  # type: ignore[attr-defined]
        self.helper = _helper()


def asks_for_credentials(mailbox: Mailbox) -> bool:
    """Whether the profile takes user name and password from the mailbox in any direction (2.2, 2.8)."""
    profile = mailbox.email_server_profile
    if profile is None:
        return False
    ways = {profile.incoming_credential_retrieval}
    if not profile.use_same_settings_for_outgoing_connections:
        ways.add(profile.outgoing_credential_retrieval)
    return CredentialRetrieval.SPECIFIED_BY_USER_OR_QUEUE in ways


def save_and_forget_tests(form: CredentialsForm | MethodsForm) -> bool:
    """Store only the columns of the form. Returns whether earlier tests became worthless and were forgotten (3.8)."""
    columns = [*form.Meta.fields, *getattr(form, "sealed_columns", ())]
    before = provision.reach_of(Mailbox.objects.get(pk=form.instance.pk))
    return bool(provision.save_changed(form.instance, before, columns))


def _helper() -> FormHelper:
    """The template writes the form element and its button."""
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    return helper
