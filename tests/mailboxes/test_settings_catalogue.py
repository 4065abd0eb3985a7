"""Every setting of the organization is explained, and values that cannot be are refused by name (11)."""

from __future__ import annotations

from dataclasses import fields

import pytest

from mailboxes.policy import DYNAMICS, Policy, policy_from, standard
from mailboxes.settings_catalogue import GROUPS, SETTINGS

NAMES = [field.name for field in fields(Policy)]


def test_every_setting_has_one_entry_and_every_entry_a_setting() -> None:  # 11.1, 11.2
    listed = [setting.name for group in GROUPS for setting in group.settings]
    assert sorted(listed) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_says_what_the_setting_does(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.label[0].isupper()
    assert setting.help.endswith(".")
    assert len(setting.help) < 160
    for policy in (Policy(), standard("dynamics")):
        assert setting.problem(getattr(policy, name)) == ""
        assert setting.words(getattr(policy, name))


def test_the_preset_sets_back_what_it_names_and_an_override_still_wins() -> None:
    assert {name: getattr(standard("dynamics"), name) for name in DYNAMICS} == dict(DYNAMICS)
    both = policy_from({"compatibility": "dynamics", "self_approval": False})
    assert (both.self_approval, both.tracking_token_form) == (False, "classic")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("hash_filter_keywords", "^(re:", "must be a regular expression"),
        ("tracking_token_id_digits", 0, "must be from 1 to 10"),
        ("tracking_token_id_digits", 11, "must be from 1 to 10"),
        ("tracking_number_digits", 10, "must be from 1 to 9"),
        ("tracking_token_id_base", -1, "must be from 0 to 2,147,483,647"),
        ("maximum_subject_length_on_mail_server", 254, "must be from 255 to 400"),
        ("tracking_prefix", "", "must not be empty"),
        ("tracking_prefix", "x" * 21, "must be 1 to 20 characters"),
        ("tracking_prefix", "C R", "without spaces"),
        ("old_tracking_prefixes", "OK: " + "x" * 21, "must be prefixes of 1 to 20 characters"),
        ("tracking_token_form", "short", "must be one of 'long'"),
        ("sss_force_filtering_method_for_user_mailboxes", 5, "must be one of -1 (Each user’s own choice)"),
        ("default_act_delivery_method", 3, "must be one of 0"),
        ("blocked_attachments", "exe .bat", "“.bat” is none"),
        ("tracked_category", "Tracked, to CRM", "must not contain a comma"),
        ("dead_man_minutes", -1, "must be from 0"),
        ("alert_retention_in_days", 0, "must be from 1"),
        ("self_approval", 1, "must be true or false"),
        ("item_attempts", "5", "must be a whole number"),
        ("item_attempts", True, "must be a whole number"),
        ("compatibility", "exchange", "must be one of"),
        ("no_such_setting", 1, "is not a setting of the organization"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: object, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        policy_from({name: value})
    assert str(refused.value).startswith(f"“{name}”")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("blocked_attachments", ""), ("old_tracking_prefixes", "OLD: CRM2:"), ("tracking_token_id_digits", 10)],
)
def test_what_can_be_is_taken(name: str, value: object) -> None:
    assert getattr(policy_from({name: value}), name) == value
