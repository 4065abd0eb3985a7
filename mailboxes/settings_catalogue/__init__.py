"""Every setting of the organization explained: one table behind the form, the help page and the error messages. Pure.

The defaults themselves stand in `mailboxes.policy.Policy`; a test sees to it that each of its fields has an entry here.
"""

from mailboxes.settings_catalogue.administration import ALERTS, APPROVAL, DELIVERY, RETENTION, SENDING
from mailboxes.settings_catalogue.entry import Group, Setting
from mailboxes.settings_catalogue.folders import FOLDERS
from mailboxes.settings_catalogue.incoming import ATTACHMENTS, CATEGORIES, INTERNAL, PEOPLE, QUEUES, RELEVANCE
from mailboxes.settings_catalogue.synchronization import APPOINTMENTS, CONTACTS, DELETIONS
from mailboxes.settings_catalogue.threads import CORRELATION, SMART, TOKEN

GROUPS = (
    DELIVERY,
    APPROVAL,
    RELEVANCE,
    INTERNAL,
    PEOPLE,
    QUEUES,
    CORRELATION,
    TOKEN,
    SMART,
    ATTACHMENTS,
    CATEGORIES,
    FOLDERS,
    SENDING,
    APPOINTMENTS,
    CONTACTS,
    DELETIONS,
    ALERTS,
    RETENTION,
)
SETTINGS = {setting.name: setting for group in GROUPS for setting in group.settings}

__all__ = ["GROUPS", "SETTINGS", "Group", "Setting"]
