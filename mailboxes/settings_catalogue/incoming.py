"""The settings of incoming mail: what is relevant, who is who, queues, attachments, categories."""

from __future__ import annotations

import re

from mailboxes.settings_catalogue.entry import Group, Setting


def _extensions(text: str) -> str:
    wrong = [one for one in text.split() if not re.fullmatch(r"[A-Za-z0-9_+-]{1,20}", one)]
    return f"must be extensions without dots, separated by spaces; “{wrong[0]}” is none" if wrong else ""


def _category(text: str) -> str:
    """What Exchange takes as the name of a category."""
    if text != text.strip() or len(text) > 255:
        return "must be at most 255 characters without spaces around them"
    return (
        "must not contain a comma or a semicolon: Exchange separates categories by them"
        if set(",;") & set(text)
        else ""
    )


RELEVANCE = Group(
    "Relevance",
    "Which incoming mail becomes an activity.",
    (
        Setting(
            "use_filtering_method_of_syncing_mailbox_only_for_correlation",
            "Only the mailbox that is read decides",
            "On: only the filter of the mailbox that is read counts, not that of other recipients.",
            rule="5.7",
            original="off",
        ),
        Setting(
            "accept_only_for_receiving_mailboxes",
            "Only users and queues whose mail comes in here may accept",
            "Off: any user or queue among the recipients accepts, approved and active or not.",
            rule="5.7",
            original="any may accept",
        ),
        Setting(
            "sss_force_filtering_method_for_user_mailboxes",
            "One filter for all users",
            "Replaces the filter that each user has chosen; queues keep theirs.",
            rule="5.5",
            original="each user’s own choice",
            choices=(
                (-1, "Each user’s own choice"),
                (0, "All email messages"),
                (1, "Email messages in response to our email"),
                (2, "Email messages from leads, contacts and accounts"),
                (3, "Email messages from records that are email enabled"),
                (4, "No email messages"),
            ),
        ),
        Setting(
            "hide_track_all_option",
            "Do not offer “All email messages”",
            "Users who have chosen it already keep it.",
            rule="5.5",
            original="off",
        ),
        Setting(
            "hide_email_auto_track_options",
            "Do not offer filters that track mail nobody here has begun",
            "Users who have chosen one already keep it.",
            rule="5.5",
            original="off",
        ),
        Setting(
            "do_not_auto_track_email",
            "Offer “No email messages”",
            "Whether users may turn off automatic tracking for themselves.",
            rule="5.5",
            original="on; older tools say off",
        ),
        Setting(
            "recognize_list_and_bcc_delivery",
            "Recognise delivery by list or Bcc",
            "The mailbox that is read counts as a recipient when its address is not among To and Cc.",
            rule="5.9",
            original="off: only a mailbox that tracks everything keeps such mail",
        ),
        Setting(
            "auto_track_sent_folder_items",
            "Track Sent Items as well",
            "Exchange only: what people send with their own program is judged by the same filter, from the start date on; "
            "without one, from now on.",
            rule="5.3",
            original="off",
        ),
        Setting(
            "restrict_irm_email_items",
            "Leave out mail protected by information rights",
            "On: such mail is not tracked.",
            rule="5.20",
            original="off; its pages contradict each other",
        ),
    ),
)

INTERNAL = Group(
    "Internal mail",
    "Mail between users of this organization.",
    (
        Setting(
            "track_mail_between_users_as_two_activities",
            "Track mail between users twice",
            "Once as sent by the one and once as received by the other.",
            rule="5.11",
            original="on",
        ),
        Setting(
            "keep_related_internal_email",
            "Keep internal mail that belongs to something",
            "What answers tracked mail, and copies of what was sent from here, is kept even so.",
            rule="5.11",
            original="off",
        ),
        Setting(
            "ignore_internal_email_detection_enhancement",
            "Internal is only what is here already",
            "On: mail of a user is rejected only if it exists here in the other direction.",
            rule="5.11",
            original="on",
        ),
        Setting(
            "do_not_ignore_internal_email_to_queues",
            "Users may write to queues",
            "Mail from a user to a queue is judged by the filter of that queue.",
            rule="5.11",
            original="on",
        ),
        Setting(
            "ignore_internal_email_from_queues",
            "Mail from queues counts as internal",
            "Off: mail from a queue to a user is judged as any other mail.",
            rule="5.11",
            original="off",
        ),
    ),
)

PEOPLE = Group(
    "People",
    "Which records stand behind the addresses of a mail, and who may read it.",
    (
        Setting(
            "unresolve_sender_in_case_of_multiple_match",
            "Leave the sender open if several records have the address",
            "Off: the one record that comes first in the order of kinds is taken.",
            rule="5.12",
            original="off",
        ),
        Setting(
            "unresolve_email_address_if_multiple_match",
            "Leave recipients open if several records have the address",
            "Off: every record with the address becomes a party.",
            rule="5.13",
            original="off",
        ),
        Setting(
            "resolve_for_inactive_entities",
            "Inactive records are found too",
            "Off: an address stands for active records only.",
            rule="5.12",
            original="off",
        ),
        Setting(
            "apply_manual_resolution_to_like_addresses",
            "Apply a person’s choice to like addresses",
            "Who has said once which record an address stands for need not say it again.",
            rule="5.13",
            original="on",
        ),
        Setting(
            "auto_create_contact_on_promote",
            "Unknown senders may become contacts or leads",
            "Each user chooses which; off means for nobody.",
            rule="5.15",
            original="on",
        ),
        Setting(
            "share_mail_by_regarding",
            "Who sees a record may read its mail",
            "Mail regarding a record is open to everybody who may see that record, unless it is private.",
            original="follows the rights on activities",
        ),
    ),
)

QUEUES = Group(
    "Queues",
    "When tracked mail waits in a queue.",
    (
        Setting(
            "create_queue_items_for_accepting_queue_recipients",
            "An item in each queue that accepts",
            "Every queue among the recipients whose filter accepts the mail gets an item.",
            rule="5.18",
            original="on",
        ),
        Setting(
            "create_queue_item_for_synchronizing_mailbox",
            "An item in the queue that is read",
            "Also when the mail came by list or Bcc and names no such queue.",
            rule="5.18",
            original="on, formerly off",
        ),
        Setting(
            "sss_create_additional_queue_items_for_already_tracked_email",
            "An item in later queues as well",
            "When a second queue receives mail that is tracked already.",
            rule="5.10",
            original="off",
        ),
    ),
)

ATTACHMENTS = Group(
    "Attachments",
    "What of a mail is kept. The mail itself is kept even if a file is left out.",
    (
        Setting(
            "max_upload_file_size",
            "Largest attachment",
            "A larger file is left out, and the email says so. 1 MB is 1048576 bytes.",
            rule="5.19",
            original="5 MB, at most 128 MB",
            least=1,
            most=2**31 - 1,
            unit="bytes",
        ),
        Setting(
            "maximum_message_size",
            "Largest message",
            "Of a larger message only the headers are kept, with a button to fetch it.",
            rule="5.19",
            original="150 MB; larger messages are not kept at all",
            least=1,
            most=2**31 - 1,
            unit="bytes",
        ),
        Setting(
            "blocked_attachments",
            "Blocked file extensions",
            "Files with these extensions are left out; separate them by spaces, without dots.",
            rule="5.19",
            original="a similar list",
            may_be_empty=True,
            wrong=_extensions,
        ),
    ),
)

CATEGORIES = Group(
    "Categories",
    "What people see and set in Outlook, and what happens to mail that cannot be tracked.",
    (
        Setting(
            "track_categorized_items",
            "Track by category",
            "Mail that a person puts into the category is tracked; taken out of it, it is unlinked and kept.",
            rule="5.23",
            original="on",
        ),
        Setting(
            "tracked_category",
            "Category of tracked mail",
            "Set on tracked mail in Exchange.",
            rule="5.23",
            original="“Tracked to Dynamics 365”",
            wrong=_category,
        ),
        Setting(
            "undeliverable_category",
            "Category of mail that could not be tracked",
            "Set after the last attempt, unless the profile moves such mail to a folder.",
            rule="5.22",
            original="“Tracked to Dynamics 365 (Undeliverable)”",
            wrong=_category,
        ),
        Setting(
            "item_attempts",
            "Attempts to track one message",
            "After so many failures it is put aside with its original bytes, for a person to decide.",
            rule="5.22",
            original="five",
            least=1,
            most=1000,
        ),
    ),
)
