"""Policy: every organization-wide setting with its default, as one frozen value that decisions are given.

Only what differs from these defaults is stored. `compatibility = "dynamics"` sets those back that hurt people in the
original (design.md, "Defaults"); an explicit override still wins over the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from mailboxes.settings_catalogue import SETTINGS


@dataclass(frozen=True, slots=True)
class Policy:
    """The organization's settings, named as in the entity model where they have a name there."""

    compatibility: str = ""  # "" or "dynamics"
    default_incoming_email_delivery_method: int = 0  # 3.2
    default_outgoing_email_delivery_method: int = 0  # 3.2
    default_act_delivery_method: int = 2  # 3.2
    require_approval_for_user_email: bool = True  # 3.4
    require_approval_for_queue_email: bool = True  # 3.4
    use_filtering_method_of_syncing_mailbox_only_for_correlation: bool = False  # 5.7
    accept_only_for_receiving_mailboxes: bool = True  # 5.7: approved, active, and mail comes in through us
    sss_force_filtering_method_for_user_mailboxes: int = -1  # 5.5; -1 = each user's own choice
    hide_track_all_option: bool = False  # 5.5
    hide_email_auto_track_options: bool = False  # 5.5
    do_not_auto_track_email: bool = True  # 5.5: whether "no email messages" is offered
    recognize_list_and_bcc_delivery: bool = True  # 5.9
    auto_track_sent_folder_items: bool = False  # 5.3
    track_mail_between_users_as_two_activities: bool = False  # 5.11
    keep_related_internal_email: bool = True  # 5.11: what answers tracked mail, and copies of what was sent from here
    ignore_internal_email_detection_enhancement: bool = (
        False  # 5.11: internal is only what exists in the other direction
    )
    do_not_ignore_internal_email_to_queues: bool = True  # 5.11
    ignore_internal_email_from_queues: bool = False  # 5.11
    apply_manual_resolution_to_like_addresses: bool = True  # 5.13
    auto_create_contact_on_promote: bool = True  # 5.15
    restrict_irm_email_items: bool = False  # 5.20
    email_correlation_enabled: bool = True  # 6.3
    email_token_enabled: bool = False  # 6.5: whether new mail is given a token; tokens are always recognised
    tracking_token_form: str = "long"  # 6.5; "long" (random) or "classic" (digits)
    tracking_prefix: str = "CRM:"  # 6.5
    old_tracking_prefixes: str = ""  # 6.5, separated by spaces
    tracking_token_id_base: int = 0  # 6.5
    tracking_token_id_digits: int = 3  # 6.5
    tracking_number_digits: int = 3  # 6.5
    maximum_subject_length_on_mail_server: int = 255  # 6.5
    email_smart_matching_enabled: bool = False  # 6.3
    hash_filter_keywords: str = r"^[\s]*([\w]+\s?:[\s]*)+"  # 6.6
    hash_max_count: int = 20  # 6.6
    hash_delta_subject_count: int = 0  # 6.6
    hash_min_address_count: int = 2  # 6.6
    smart_matching_days: int = 90  # 6.6
    ignore_conversation_index_and_in_reply_to_for_correlation: bool = False  # 6.4
    do_not_correlate_forwarded_emails_as_replies: bool = True  # 6.4
    unresolve_email_address_if_multiple_match: bool = False  # 5.13
    unresolve_sender_in_case_of_multiple_match: bool = False  # 5.12
    resolve_for_inactive_entities: bool = False  # 5.12
    max_upload_file_size: int = 25 * 1024 * 1024  # 5.19, bytes
    maximum_message_size: int = 150 * 1024 * 1024  # 5.19, bytes
    blocked_attachments: str = (
        "ade adp app asp bas bat cer chm cmd com cpl crt csh exe hlp hta inf ins isp jar js jse"
        " ksh lnk mda mdb mde mdt mdw mdz msc msi msp mst ops pcd pif prf prg ps1 reg scf scr sct shb shs url vb vbe vbs"
        " wsc wsf wsh"
    )  # 5.19, extensions separated by spaces
    sss_save_outgoing_email_to_exchange_sent_folder: bool = True  # 7.8
    track_categorized_items: bool = True  # 5.23
    tracked_category: str = "Tracked to CRM"  # 5.23
    undeliverable_category: str = "Tracked to CRM (Undeliverable)"  # 5.22
    folder_based_tracking: bool = True  # 9.1
    maximum_tracking_folders: int = 25  # 9.1
    tracking_folders_below_inbox_only: bool = False  # 9.2
    folder_overwrites_manual_regarding: bool = False  # 9.5
    folder_onboarding_per_cycle: int = 200  # 9.3
    maximum_email_delivery_attempts: int = 10  # 7.4
    allow_unresolved_parties_on_email_send: bool = True  # 7.7
    enable_mailbox_delegation_for_outgoing_email: bool = False  # 7.6
    ask_before_sending_after_hours: int = 72  # 7.3; 0 = never ask
    mails_per_hour_to_one_address: int = 30  # the guard against loops; 0 = off
    distinct_physical_and_logical_deletes_for_exchange_sync: bool = True  # 10.1 b, i: leaving a filter only unlinks
    ask_before_deleting_in_crm: bool = True  # 10.6, 10.7: what was deleted in Exchange is asked about
    sss_task_deletion_sync_behavior_from_exchange: int = 0  # 10.7: 0 always, 1 unless completed, 2 never
    delete_appointments_on_owner_change: bool = False  # 10.3.9
    deletions_at_once_number: int = 50  # law 9: more than so many at once are asked about; 0 = no such limit
    deletions_at_once_percent: int = 20  # law 9: and more than this share of all; 100 = no such limit
    recycle_bin_days: int = 30  # law 9
    ignore_copied_items_in_sss_for_mailbox: bool = True  # 10.1 j
    track_all_appointments_from_exchange: bool = (
        False  # 10.1 d: everything but what is private, not only what was tracked
    )
    track_appointments_from_non_organizer: bool = True  # 10.3.6
    force_organizer_sync_for_attendee_tracked_appointment: bool = False  # 10.3.6
    validate_bookings_from_exchange: bool = False  # 10.3.3: what overlaps waits for an answer
    use_crm_organizer_for_empty_exchange_organizer: bool = False  # 10.3.6
    sss_sync_appointment_is_private_from_exchange: bool = False  # 10.3.8
    is_appointment_attachment_sync_enabled: bool = False  # 10.3.8: never of series
    sss_propagate_appointment_cancellations_to_exchange: bool = False  # 10.2.6
    sss_update_past_meetings_in_non_draft_mode: bool = False  # 10.2.7
    meeting_mails_per_run: int = 20  # what goes beyond waits for approval; 0 = no limit
    is_contact_mailing_address_sync_enabled: bool = True  # 10.6: only address 1; off: all three
    sync_contact_company: bool = True  # 10.8
    contact_match_sure: int = 90  # percent: from here on an incoming contact is one that is here already
    contact_match_ask: int = 60  # percent: from here on somebody is asked
    item_attempts: int = 5  # 5.22
    deletion_grace_hours: int = 0  # 5.24; more than the hours between two backups, and a restore loses nothing
    transient_failures_before_stop: int = 10  # 4.6
    create_queue_items_for_accepting_queue_recipients: bool = True  # 5.18
    create_queue_item_for_synchronizing_mailbox: bool = True  # 5.18
    sss_create_additional_queue_items_for_already_tracked_email: bool = True  # 5.10
    share_mail_by_regarding: bool = (
        False  # whoever may see a record may read the mail regarding it, unless it is private
    )
    self_approval: bool = False  # 3.6
    owners_may_change_methods: bool = False
    dead_man_minutes: int = 60  # no successful run of anything for so long raises an alarm; 0 = off
    notify_mailbox_owner: bool = True  # 4.10
    generate_alerts_for_errors: bool = True  # 4.11
    generate_alerts_for_warnings: bool = True  # 4.11
    generate_alerts_for_information: bool = True  # 4.11
    alert_retention_in_days: int = 30  # 4.12
    statistics_retention_in_days: int = 14
    evidence_retention_in_days: int = 90


DYNAMICS: Mapping[str, Any] = {
    "do_not_correlate_forwarded_emails_as_replies": False,
    "max_upload_file_size": 5_120 * 1024,
    "self_approval": True,
    "notify_mailbox_owner": False,
    "tracked_category": "Tracked to Dynamics 365",
    "undeliverable_category": "Tracked to Dynamics 365 (Undeliverable)",
    "recognize_list_and_bcc_delivery": False,
    "accept_only_for_receiving_mailboxes": False,
    "track_mail_between_users_as_two_activities": True,
    "keep_related_internal_email": False,
    "ignore_internal_email_detection_enhancement": True,
    "sss_create_additional_queue_items_for_already_tracked_email": False,
    "tracking_folders_below_inbox_only": True,
    "folder_overwrites_manual_regarding": True,
    "email_token_enabled": True,
    "allow_unresolved_parties_on_email_send": False,
    "ask_before_sending_after_hours": 0,
    "distinct_physical_and_logical_deletes_for_exchange_sync": False,
    "ask_before_deleting_in_crm": False,
    "deletions_at_once_number": 0,
    "deletions_at_once_percent": 100,
    "meeting_mails_per_run": 0,
    "sync_contact_company": False,
    "tracking_token_form": "classic",
}


def filters_offered(policy: Policy, chosen: int) -> frozenset[int]:
    """5.5: which of the five filters a user may choose from; what is chosen already is always among them. Queues have all."""
    if policy.sss_force_filtering_method_for_user_mailboxes >= 0:
        return frozenset({policy.sss_force_filtering_method_for_user_mailboxes})
    hidden: set[int] = set()
    if policy.hide_track_all_option:
        hidden |= {0}
    if policy.hide_email_auto_track_options:
        hidden |= {0, 2, 3}  # what tracks mail that nobody here has begun
    if not policy.do_not_auto_track_email:
        hidden |= {4}
    return frozenset(set(range(5)) - hidden | {chosen})


def policy_from(overrides: Mapping[str, Any]) -> Policy:
    """The defaults with these overrides. Raises ValueError naming the key that is unknown or whose value is not possible."""
    for problem in problems(overrides).values():
        raise ValueError(problem)
    return replace(standard(overrides.get("compatibility", "")), **overrides)


def standard(compatibility: str) -> Policy:
    """What holds for every setting that is not overridden: the default, or that of the preset."""
    return replace(Policy(), **DYNAMICS, compatibility=compatibility) if compatibility == "dynamics" else Policy()


def problems(overrides: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with these overrides, a sentence by key; empty when all of them are possible."""
    default = Policy()
    known = {field.name: type(getattr(default, field.name)) for field in fields(Policy)}
    found = {}
    for key, value in overrides.items():
        if key not in known:
            found[key] = f"“{key}” is not a setting of the organization"
        elif type(value) is not known[key]:
            found[key] = f"“{key}” must be {_WORDS[known[key]]}, not {value!r}"
        elif key in SETTINGS and (problem := SETTINGS[key].problem(value)):
            found[key] = f"“{key}” {problem}"
    return found


_WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", str: "text"}
