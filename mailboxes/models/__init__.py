"""Whose mail, and its state."""

from mailboxes.models.addresses import AddressEntry, AddressResolution
from mailboxes.models.alerts import TraceLevel, TraceLog
from mailboxes.models.circuit import ServerCircuit
from mailboxes.models.leg import Leg, LegStatus, MailboxLeg
from mailboxes.models.mailbox import (
    ActDeliveryMethod,
    Approval,
    IncomingDeliveryMethod,
    Mailbox,
    OutgoingDeliveryMethod,
)
from mailboxes.models.pause import Pause
from mailboxes.models.queue import Queue, QueueItem, QueueMember, QueueViewType
from mailboxes.models.settings import AutoCreate, IncomingFilter, Organization, UserSettings
from mailboxes.models.statistics import MailboxStatistics
from mailboxes.models.trial import Trial

__all__ = [
    "ActDeliveryMethod",
    "AddressEntry",
    "AddressResolution",
    "Approval",
    "AutoCreate",
    "IncomingDeliveryMethod",
    "IncomingFilter",
    "Leg",
    "LegStatus",
    "Mailbox",
    "MailboxLeg",
    "MailboxStatistics",
    "Organization",
    "OutgoingDeliveryMethod",
    "Pause",
    "Queue",
    "QueueItem",
    "QueueMember",
    "QueueViewType",
    "ServerCircuit",
    "TraceLevel",
    "TraceLog",
    "Trial",
    "UserSettings",
]
