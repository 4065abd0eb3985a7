"""The settings of the organization as a form: every setting explained, only what differs from its standard is stored."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from mailboxes.models import Organization
from mailboxes.policy import Policy, standard
from mailboxes.settings_catalogue import GROUPS, SETTINGS, Group, Setting

COMPATIBILITY = "compatibility"
DEFAULTS = Policy()
ON_OFF = {"on": True, "off": False}
LONG_TEXT = 60  # characters; a longer default is shown in a field of several lines


def box_of(setting: Setting) -> str:
    """The name of the box "back to the default"; "" where emptying the field does it."""
    return f"default_{setting.name}" if setting.may_be_empty and getattr(DEFAULTS, setting.name) else ""


def fields_of(group: Group) -> list[str]:
    """The names of a group's form fields, in order."""
    return [name for setting in group.settings for name in (setting.name, box_of(setting)) if name]


def _choices(setting: Setting) -> list[tuple[str, str]]:
    """The values to choose from; none for numbers and texts."""
    if isinstance(getattr(DEFAULTS, setting.name), bool):
        return [("on", "On"), ("off", "Off")]
    return [(str(key), words) for key, words in setting.choices]


def _field(setting: Setting) -> forms.Field:
    """The form field of a setting; an empty one means its standard."""
    default = getattr(DEFAULTS, setting.name)
    if setting.name == COMPATIBILITY:
        return forms.ChoiceField(choices=setting.choices, required=False, widget=UnfoldAdminSelectWidget())
    if _choices(setting):
        choices = [("", "Default"), *_choices(setting)]
        return forms.ChoiceField(choices=choices, required=False, widget=UnfoldAdminSelectWidget())
    if isinstance(default, int):
        return forms.IntegerField(required=False, widget=UnfoldAdminIntegerFieldWidget())
    long = len(default) > LONG_TEXT
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3}) if long else UnfoldAdminTextInputWidget()
    return forms.CharField(required=False, strip=not setting.wrong or long, widget=widget)


class OrganizationFields(forms.ModelForm):
    """What the form does; its fields are made from the catalogue below."""

    class Meta:
        model = Organization
        fields = ("name", "default_email_server_profile")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.overrides
        usual = standard(stored.get(COMPATIBILITY, ""))
        for setting in SETTINGS.values():
            field, name = self.fields[setting.name], setting.name
            self.initial[name] = _shown(setting, stored, usual)
            field.label, field.help_text = setting.label, explained(setting, stored)
            if isinstance(field, forms.ChoiceField) and name != COMPATIBILITY:
                held = getattr(usual, name)
                standing = "Default" if held == getattr(DEFAULTS, name) else "As Dynamics 365"
                standing = f"{standing} ({setting.words(held)})"
                field.choices = [("", standing), *_choices(setting)]
            elif isinstance(field, forms.IntegerField):
                field.widget.attrs["placeholder"] = str(getattr(usual, name))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        usual = standard(self.cleaned_data.get(COMPATIBILITY) or "")
        overrides: dict[str, Any] = {}
        for setting in SETTINGS.values():
            if setting.name not in self.cleaned_data:
                continue  # refused above
            value = self._given(setting)
            if value is None or (value == getattr(usual, setting.name) and setting.name != COMPATIBILITY):
                continue
            problem = setting.problem(value)
            if problem:
                self.add_error(setting.name, f"{capfirst(problem)}.")
            elif value != getattr(DEFAULTS, COMPATIBILITY) or setting.name != COMPATIBILITY:
                overrides[setting.name] = value
        self.instance.overrides = overrides
        return cleaned

    def _given(self, setting: Setting) -> Any:
        """What was entered, as the setting's own type; None for its standard."""
        raw, default = self.cleaned_data[setting.name], getattr(DEFAULTS, setting.name)
        if box_of(setting):
            return None if self.cleaned_data.get(box_of(setting)) else raw
        if raw in ("", None):
            return None
        if isinstance(default, bool):
            return ON_OFF[raw]
        return int(raw) if isinstance(default, int) else raw


def _shown(setting: Setting, stored: dict[str, Any], usual: Policy) -> Any:
    """What the field holds at first: nothing where nothing is overridden, unless nothing would be a value itself."""
    if setting.name not in stored:
        return getattr(usual, setting.name) if box_of(setting) else ""
    value = stored[setting.name]
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if setting.choices else value


def explained(setting: Setting, stored: dict[str, Any]) -> SafeString:
    """What a setting does, what it is now, and what the original does."""
    default, compatibility = getattr(DEFAULTS, setting.name), stored.get(COMPATIBILITY, "")
    usual = default if setting.name == COMPATIBILITY else getattr(standard(compatibility), setting.name)
    if setting.name in stored:
        state, kind = "Changed", "ss-state-changed"
    elif usual != default:
        state, kind = "As Dynamics 365", "ss-state-preset"
    else:
        state, kind = "Default", "ss-state-default"
    facts = [f"Default: {setting.words(default)}."]
    if usual != default:
        facts.append(f"Here, as Dynamics 365: {setting.words(usual)}.")
    if setting.range_words():
        facts.append(
            f"Possible: {setting.range_words()} {'' if setting.unit == 'bytes' else setting.unit}".strip() + "."
        )
    if setting.original:
        facts.append(f"The original: {setting.original}.")
    if setting.rule:
        facts.append(f"Rule {setting.rule}.")
    return format_html(
        '<span class="ss-state {}">{}</span> {} <span class="ss-subtle">{}</span>',
        kind,
        state,
        setting.help,
        " ".join(facts),
    )


def _box(setting: Setting) -> forms.BooleanField:
    return forms.BooleanField(
        label=f"{setting.label}: back to the default", required=False, widget=UnfoldBooleanWidget()
    )


def _declared() -> dict[str, forms.Field]:
    named: dict[str, forms.Field] = {setting.name: _field(setting) for setting in SETTINGS.values()}
    return named | {box_of(setting): _box(setting) for setting in SETTINGS.values() if box_of(setting)}


OrganizationForm = type("OrganizationForm", (OrganizationFields,), _declared())


def changed_in(group: Group, stored: dict[str, Any]) -> int:
    """How many settings of the group are overridden."""
    return sum(setting.name in stored for setting in group.settings)


__all__ = ["GROUPS", "OrganizationForm", "changed_in", "explained", "fields_of"]
