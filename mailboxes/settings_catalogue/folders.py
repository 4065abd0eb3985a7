"""The settings of tracking by folder (9)."""

from __future__ import annotations

from mailboxes.settings_catalogue.entry import Group, Setting

FOLDERS = Group(
    "Folders",
    "Tracking by folder, on Exchange: what lies in a folder with a rule is tracked and belongs to the record of the rule.",
    (
        Setting(
            "folder_based_tracking",
            "Track by folder",
            "Off: no rule is followed and none can be made. What was tracked by one stays.",
            rule="9.1",
            original="on",
        ),
        Setting(
            "maximum_tracking_folders",
            "Tracked folders per mailbox",
            "Rules beyond this number are shown as invalid, the youngest first.",
            rule="9.1",
            original="25",
            least=1,
            most=1000,
        ),
        Setting(
            "tracking_folders_below_inbox_only",
            "Only folders below the Inbox",
            "On: a folder that is moved out of the Inbox is not tracked any more.",
            rule="9.2",
            original="on",
        ),
        Setting(
            "folder_overwrites_manual_regarding",
            "A folder overrules people",
            "On: what somebody filed by hand is filed anew with the record of its folder.",
            rule="9.5",
            original="on",
        ),
        Setting(
            "folder_onboarding_per_cycle",
            "Earlier messages of a folder per cycle",
            "So many of the messages that lie in a newly tracked folder are taken in at once, newest first, after new mail.",
            rule="9.3",
            original="not documented",
            least=1,
            most=100_000,
        ),
    ),
)
