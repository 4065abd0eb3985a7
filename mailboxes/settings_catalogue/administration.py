"""The settings of administrators: defaults of mailboxes, approval, sending, alerts, retention."""

from __future__ import annotations

from mailboxes.settings_catalogue.entry import Group, Setting

DELIVERY = Group(
    "Delivery defaults",
    "What new mailboxes get, and what “Apply default email settings” gives to existing ones.",
    (
        Setting(
            "compatibility",
            "Our defaults or those of the original",
            "Sets back every default that hurts people in the original; what you set yourself still wins.",
            choices=(("", "Our defaults"), ("dynamics", "As Dynamics 365")),
        ),
        Setting(
            "default_incoming_email_delivery_method",
            "Incoming email of new mailboxes",
            "With server-side synchronization the mailbox is given the default profile too.",
            rule="3.2",
            original="the administrator sets it",
            choices=(
                (0, "None"),
                (1, "Microsoft Dynamics 365 for Outlook"),
                (2, "Server-side synchronization"),
                (3, "Forward mailbox"),
            ),
        ),
        Setting(
            "default_outgoing_email_delivery_method",
            "Outgoing email of new mailboxes",
            "With server-side synchronization the mailbox is given the default profile too.",
            rule="3.2",
            original="the administrator sets it",
            choices=((0, "None"), (1, "Microsoft Dynamics 365 for Outlook"), (2, "Server-side synchronization")),
        ),
        Setting(
            "default_act_delivery_method",
            "Appointments, contacts and tasks of new mailboxes",
            "Only mailboxes of users on Exchange get it; all others get None.",
            rule="3.2",
            original="the administrator sets it",
            choices=((0, "Microsoft Dynamics 365 for Outlook"), (1, "Server-side synchronization"), (2, "None")),
        ),
        Setting(
            "owners_may_change_methods",
            "Owners may change their delivery methods",
            "Whether the owner’s page offers the methods that the mailbox may have.",
            rule="1.2",
        ),
        Setting(
            "transient_failures_before_stop",
            "Failures in a row that stop a direction",
            "After so many failures that may pass, a direction stops and is tried ever more rarely.",
            rule="4.6",
            original="ten",
            least=1,
            most=1000,
        ),
    ),
)

APPROVAL = Group(
    "Approval",
    "Whose addresses an approver has to confirm before anything is synchronized.",
    (
        Setting(
            "require_approval_for_user_email",
            "Addresses of users need approval",
            "Off: mail of users is processed without anybody having approved the address.",
            rule="3.4",
            original="on",
        ),
        Setting(
            "require_approval_for_queue_email",
            "Addresses of queues need approval",
            "Off: mail of queues is processed without anybody having approved the address.",
            rule="3.4",
            original="on",
        ),
        Setting(
            "self_approval",
            "Users may approve their own address",
            "Only their own user mailbox under their own address, and never where the profile impersonates.",
            rule="3.6",
            original="on, without a click, by “Test and enable”",
        ),
    ),
)

SENDING = Group(
    "Sending",
    "How outgoing mail is sent.",
    (
        Setting(
            "sss_save_outgoing_email_to_exchange_sent_folder",
            "Keep a copy in Sent Items",
            "Exchange only: what is sent from here lies in the mailbox’s Sent Items too.",
            rule="7.8",
            original="on",
        ),
        Setting(
            "maximum_email_delivery_attempts",
            "Attempts to send one email",
            "After so many attempts that failed for a passing reason, the email is marked as failed.",
            rule="7.4",
            original="a number that is not published",
            least=1,
            most=1000,
        ),
        Setting(
            "allow_unresolved_parties_on_email_send",
            "Free addresses may be written to",
            "Off: an email is sent only if each recipient is a record here.",
            rule="7.7",
            original="off",
        ),
        Setting(
            "enable_mailbox_delegation_for_outgoing_email",
            "Send through the mailbox of whoever presses “Send”",
            "Exchange only: mail from another user or a queue leaves with the sender’s own rights there (send as, on behalf).",
            rule="7.6",
            original="its pages contradict each other",
        ),
        Setting(
            "ask_before_sending_after_hours",
            "Ask before sending what has waited for",
            "What could not be sent for so long waits for somebody’s word once it can; 0 means never.",
            rule="7.3",
            original="sends the whole backlog",
            least=0,
            most=8_760,
            unit="hours",
        ),
        Setting(
            "mails_per_hour_to_one_address",
            "Emails from one mailbox to one address in an hour",
            "More than so many wait for somebody’s word: two machines may be answering each other; 0 means no limit.",
            least=0,
            most=100_000,
        ),
    ),
)

ALERTS = Group(
    "Alerts",
    "What people are told, and who.",
    (
        Setting(
            "notify_mailbox_owner",
            "Tell the owner when a direction stops",
            "The owner gets one e-mail for each stop.",
            rule="4.10",
            original="off",
        ),
        Setting("generate_alerts_for_errors", "Alerts for errors", "Something stopped.", rule="4.11", original="on"),
        Setting(
            "generate_alerts_for_warnings",
            "Alerts for warnings",
            "Something may stop soon, or did not work once.",
            rule="4.11",
            original="unclear: its pages contradict each other",
        ),
        Setting(
            "generate_alerts_for_information",
            "Alerts for information",
            "Something works again, or was enabled.",
            rule="4.11",
            original="on",
        ),
        Setting(
            "dead_man_minutes",
            "Alarm when nothing has run for",
            "If no mailbox was synchronized successfully for so long, an alarm is raised; 0 means never.",
            least=0,
            most=100_000,
            unit="minutes",
        ),
    ),
)

RETENTION = Group(
    "Retention",
    "How long what explains the past is kept. Tracked mail itself is not deleted by any of these.",
    (
        Setting(
            "alert_retention_in_days",
            "Keep alerts for",
            "Closed alerts are deleted after so many days.",
            rule="4.12",
            original="30 days",
            least=1,
            most=36_500,
            unit="days",
        ),
        Setting(
            "statistics_retention_in_days",
            "Keep statistics of cycles for",
            "The charts and lists of past cycles reach so far back.",
            rule="4.5",
            original="3 days, later none at all",
            least=0,
            most=36_500,
            unit="days",
        ),
        Setting(
            "evidence_retention_in_days",
            "Keep the evidence of decisions for",
            "Afterwards a decision keeps its reason and loses the addresses it was based on.",
            original="nothing of the kind; failures for 3 days",
            least=0,
            most=36_500,
            unit="days",
        ),
        Setting(
            "deletion_grace_hours",
            "Wait before deleting on the server",
            "Where mail is deleted after processing: longer than the time between two backups, and a restore loses nothing.",
            rule="5.24",
            original="deletes at once",
            least=0,
            most=8_760,
            unit="hours",
        ),
    ),
)
