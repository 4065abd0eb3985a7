"""The settings of appointments, contacts and tasks (10)."""

from __future__ import annotations

from mailboxes.settings_catalogue.entry import Group, Setting

APPOINTMENTS = Group(
    "Appointments",
    "How appointments are kept the same here and on Exchange, and when that may mail the people who take part.",
    (
        Setting(
            "track_all_appointments_from_exchange",
            "Take in whole calendars",
            "On: appointments come in without being tracked one by one, private ones never.",
            rule="10.1",
            original="only what was tracked",
        ),
        Setting(
            "track_appointments_from_non_organizer",
            "Attendees may track meetings",
            "Off: a meeting comes in only from the calendar of whoever called it.",
            rule="10.3",
            original="on",
        ),
        Setting(
            "force_organizer_sync_for_attendee_tracked_appointment",
            "What an attendee tracked goes through the organizer",
            "Only where the organizer’s own mailbox is synchronized.",
            rule="10.3",
            original="off",
        ),
        Setting(
            "validate_bookings_from_exchange",
            "Ask before taking in what overlaps",
            "On: an appointment that comes in from Exchange, or moves there, at a time that is taken here waits for an "
            "answer. What goes to Exchange is never checked.",
            rule="10.3",
            original="on",
        ),
        Setting(
            "use_crm_organizer_for_empty_exchange_organizer",
            "Keep our organizer where Exchange names none",
            "Off: such an appointment is shown as an error, “Organizer missing”.",
            rule="10.3",
            original="off",
        ),
        Setting(
            "sss_sync_appointment_is_private_from_exchange",
            "Take in the private flag",
            "On: what is private on Exchange is private here.",
            rule="10.3",
            original="off",
        ),
        Setting(
            "is_appointment_attachment_sync_enabled",
            "Files of appointments",
            "On: the same on both sides, but for what is too large or blocked; never of series. "
            "What is linked already follows with its next change.",
            rule="10.3",
            original="off",
        ),
        Setting(
            "sss_propagate_appointment_cancellations_to_exchange",
            "Cancelling here cancels on Exchange",
            "On: the appointment is deleted from the organizer’s calendar, and attendees of a future meeting are told.",
            rule="10.2",
            original="off",
        ),
        Setting(
            "sss_update_past_meetings_in_non_draft_mode",
            "Send updates of past meetings",
            "On: changing a past meeting here may invite people again.",
            rule="10.2",
            original="off",
        ),
        Setting(
            "meeting_mails_per_run",
            "Meeting mails of a mailbox per cycle",
            "What would mail more people waits until somebody approves it; 0 means no limit.",
            rule="10.2",
            original="no limit",
            least=0,
            most=100_000,
            unit="mails",
        ),
    ),
)

CONTACTS = Group(
    "Contacts",
    "How contacts are kept the same, and when one that comes in is one that is here already.",
    (
        Setting(
            "is_contact_mailing_address_sync_enabled",
            "Only one address of a contact",
            "On: the business address only. Off: home and other as well; switching later can lose addresses on one side.",
            rule="10.6",
            original="on",
        ),
        Setting(
            "sync_contact_company",
            "Name of the account as company",
            "On: the account of a contact is its company on Exchange.",
            rule="10.8",
            original="each user’s choice, off",
        ),
        Setting(
            "contact_match_sure",
            "Surely the same contact from",
            "An incoming contact that is so much like one of ours is linked with it.",
            rule="10.6",
            original="duplicate rules",
            least=1,
            most=101,
            unit="percent",
        ),
        Setting(
            "contact_match_ask",
            "Maybe the same contact from",
            "The owner is asked; below, the contact is made anew.",
            rule="10.6",
            original="duplicate rules",
            least=1,
            most=101,
            unit="percent",
        ),
    ),
)

DELETIONS = Group(
    "Deletions of appointments, contacts and tasks",
    "What happens on one side when something disappears on the other. What is deleted here can be restored.",
    (
        Setting(
            "distinct_physical_and_logical_deletes_for_exchange_sync",
            "Only what is deleted is deleted",
            "On: what a changed filter, owner or right hides from a user stays in Exchange and is only unlinked.",
            rule="10.1",
            original="off",
        ),
        Setting(
            "ask_before_deleting_in_crm",
            "Ask before contacts and tasks are deleted here",
            "On: whoever deletes one in Exchange is asked whether it is to go here as well.",
            rule="10.6",
            original="it is deleted",
        ),
        Setting(
            "sss_task_deletion_sync_behavior_from_exchange",
            "Tasks deleted in Exchange",
            "Which of them may be deleted here at all.",
            rule="10.7",
            original="always",
            choices=((0, "Delete here"), (1, "Delete here unless completed"), (2, "Keep here")),
        ),
        Setting(
            "delete_appointments_on_owner_change",
            "A new owner takes appointments away",
            "On: an appointment that gets another owner here is deleted from the calendar of the former one.",
            rule="10.3",
            original="off",
        ),
        Setting(
            "deletions_at_once_number",
            "Ask before more deletions than",
            "So many of one kind in one mailbox at once wait until somebody approves them; 0 means no such limit.",
            original="no limit",
            least=0,
            most=100_000,
            unit="items",
        ),
        Setting(
            "deletions_at_once_percent",
            "Ask before a larger share of all than",
            "Counts from five deletions on; 100 means no such limit.",
            original="no limit",
            least=1,
            most=100,
            unit="percent",
        ),
        Setting(
            "recycle_bin_days",
            "Keep deleted items for",
            "So long can be restored what synchronization has deleted.",
            original="nothing of the kind",
            least=1,
            most=36_500,
            unit="days",
        ),
        Setting(
            "ignore_copied_items_in_sss_for_mailbox",
            "Ignore copies",
            "On: what somebody copies in Exchange from a linked item is not taken in.",
            rule="10.1",
            original="on",
        ),
    ),
)
