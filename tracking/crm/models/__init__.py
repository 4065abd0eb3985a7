"""The records and activities that are kept."""

from tracking.crm.models.activities import Appointment, Direction, Email, RecurringAppointmentMaster, Task
from tracking.crm.models.blobs import ActivityMimeAttachment, Blob
from tracking.crm.models.events import DomainEvent
from tracking.crm.models.hashes import EmailHash, HashType
from tracking.crm.models.parties import ActivityParty, Participation
from tracking.crm.models.records import Account, Case, Contact, Lead

__all__ = [
    "Account",
    "ActivityMimeAttachment",
    "ActivityParty",
    "Appointment",
    "Blob",
    "Case",
    "Contact",
    "Direction",
    "DomainEvent",
    "Email",
    "EmailHash",
    "HashType",
    "Lead",
    "Participation",
    "RecurringAppointmentMaster",
    "Task",
]
