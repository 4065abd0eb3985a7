"""The records and activities that are kept."""

from tracking.crm.models.activities import Direction, Email
from tracking.crm.models.appointments import Appointment, RecurringAppointmentMaster
from tracking.crm.models.blobs import ActivityMimeAttachment, AppointmentAttachment, Blob
from tracking.crm.models.events import DomainEvent
from tracking.crm.models.hashes import EmailHash, HashType
from tracking.crm.models.parties import ActivityParty, Participation
from tracking.crm.models.records import Account, Case, Contact, Lead
from tracking.crm.models.service_appointments import ServiceAppointment
from tracking.crm.models.tasks import Fax, Letter, PhoneCall, Task

__all__ = [
    "Account",
    "ActivityMimeAttachment",
    "ActivityParty",
    "Appointment",
    "AppointmentAttachment",
    "Blob",
    "Case",
    "Contact",
    "Direction",
    "DomainEvent",
    "Email",
    "EmailHash",
    "Fax",
    "HashType",
    "Lead",
    "Letter",
    "Participation",
    "PhoneCall",
    "RecurringAppointmentMaster",
    "ServiceAppointment",
    "Task",
]
