"""The form of a contact of one's own: all columns that are synchronized, by groups, and its account by name (10.6, 10.8)."""

from __future__ import annotations

from typing import Any

from django import forms

from serversync.console.calendar_forms import KEEPS, named_record
from tracking.crm.forms import ContactForm
from tracking.facts.directory import key_of, record_of

ACCOUNT = "account"
CONTACT_GROUPS = (
    ("Name", ("first_name", "middle_name", "last_name", "suffix", "full_name", "nickname", "salutation")),
    ("Email and phone", ("email_address_1", "email_address_2", "email_address_3", "telephone_1", "mobile_phone")),
    ("Work", ("account_name", "job_title", "department", "manager_name", "assistant_name", "assistant_phone")),
    ("Further numbers", ("business_2", "telephone_2", "home_2", "telephone_3", "fax", "pager", "callback", "company")),
    *(
        (
            f"Address {number}",
            tuple(
                f"address_{number}_{part}"
                for part in ("line_1", "line_2", "line_3", "postal_code", "city", "state_or_province", "country")
            ),
        )
        for number in (1, 2, 3)
    ),
    (
        "Personal",
        (
            *("birth_date", "anniversary", "spouses_name", "childrens_names", "government_id"),
            *("yomi_first_name", "yomi_last_name", "website_url", "ftp_site_url", "description"),
        ),
    ),
)
OPEN_GROUPS = ("Name", "Email and phone", "Work")


class OwnContactForm(ContactForm):
    """A contact of one's own. Its account is searched among those that the person may see; another one stays."""

    account = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput())
    account_name = forms.CharField(label="Account", required=False, max_length=400)

    class Meta(ContactForm.Meta):
        fields = [name for _, names in CONTACT_GROUPS for name in names if name != "account_name"]  # type: ignore[assignment]

    def __init__(self, user: Any, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.user = user
        known = self.instance.parent_customer
        if known is not None:
            key = key_of(known)
            self.initial[ACCOUNT] = key if record_of(user, key) is not None else KEEPS
            self.initial["account_name"] = known.name
        for name in ("birth_date", "anniversary"):
            self.fields[name].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput | forms.HiddenInput):
                field.widget.attrs["class"] = "ss-input"

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        key, name = found.get(ACCOUNT, ""), (found.get("account_name") or "").strip()
        if name and key == KEEPS and name == self.initial.get("account_name"):
            return found
        account, problem = named_record(self.user, key, name, ACCOUNT) if name else (None, "")
        if problem:
            self.add_error("account_name", problem)
        self.instance.parent_customer = account
        return found
