"""What becomes of one side when the other has lost an item. Pure (10.1 b, 10.1 i, 10.2.5, 10.2.6, 10.3.4, 10.6, 10.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from mailboxes.policy import Policy
from profiles.act_items import ItemKind


class Loss(StrEnum):
    """How a record of ours got lost to a user."""

    DELETED = "deleted"  # physically: the row is gone
    OUT_OF_FILTER = "out-of-filter"  # logically: no filter lets it through any more, or the filter changed
    OWNER_CHANGED = "owner-changed"  # logically: it was given to somebody else
    NO_RIGHT = "no-right"  # logically: the user may not see it any more


class Leaving(StrEnum):
    """Why the item of a record that is still here leaves its calendar."""

    CANCELED = "canceled"  # 10.2.6
    HANDED_OVER = "handed-over"  # 10.2.4


class Outcome(StrEnum):
    """What is done to the item on the other side."""

    DELETE = "delete"
    UNLINK = "unlink"  # it stays there and is no longer synchronized
    ASK = "ask"


class Answer(IntEnum):
    """What a person has answered; as `UserDecision`."""

    NONE = 0
    YES = 1
    NO = 2


class TaskDeletion(IntEnum):
    """`SSSTaskDeletionSyncBehaviorFromExchange`"""

    ALWAYS = 0
    UNLESS_COMPLETED = 1
    NEVER = 2


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of a linked item whose other side is gone.

    `is_owner` says that the syncing user owns the record, `is_organizer` that the meeting is theirs, `is_closed` that the
    record is completed or canceled, `is_past` that nothing of it is still to come.
    """

    kind: ItemKind
    is_owner: bool = True
    is_organizer: bool = True
    is_closed: bool = False
    is_past: bool = False
    has_attendees: bool = False
    is_one_way: bool = False  # a service activity: it only goes to Exchange (10.5)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What to do, why (the key of a sentence in REASONS), and whether the attendees are told."""

    outcome: Outcome
    reason: str
    tells_attendees: bool = False


REASONS = {
    "only-hidden": "It is still there, but no longer for this user; what is only hidden is not deleted (10.1 i).",
    "past": "It is over; the past is left as it is.",
    "not-organizer": "Somebody else called the meeting; only the organizer’s copy is deleted.",
    "closed": "It is completed or canceled, and what is closed is kept.",
    "owner-keeps": "The user owns the contact; their own copy in Exchange stays.",
    "not-owner": "The user does not own the contact; only its owner can delete it by deleting it in Exchange.",
    "completed": "The task is completed, and completed tasks are kept.",
    "never": "The organization keeps tasks that are deleted in Exchange.",
    "asked": "Somebody is asked first.",
    "refused": "Somebody said that it is to stay.",
    "approved": "Somebody said that it is to go.",
    "one-way": "Service activities only go to Exchange; who deletes a copy there has none any more.",
    "other-side": "It was deleted on the other side.",
    "handed-over": "Somebody else calls the meeting now, and invites to it anew.",
}


def lost_in_crm(lost: Lost, loss: Loss, policy: Policy) -> Deletion:
    """What becomes of the Exchange item when the record is lost to its user."""
    if loss is not Loss.DELETED and not _deletes_logically(lost, loss, policy):
        return Deletion(Outcome.UNLINK, "only-hidden")
    match lost.kind:
        case ItemKind.APPOINTMENT:  # 10.2.5
            return _appointment_in_exchange(lost)
        case ItemKind.CONTACT if lost.is_owner:  # 10.6
            return Deletion(Outcome.UNLINK, "owner-keeps")
        case ItemKind.TASK if lost.is_closed:  # 10.7
            return Deletion(Outcome.UNLINK, "completed")
    return Deletion(Outcome.DELETE, "other-side")


def _deletes_logically(lost: Lost, loss: Loss, policy: Policy) -> bool:
    """Whether an item that is only lost to its user counts as deleted (10.1 i, 10.3.9)."""
    if lost.kind is ItemKind.APPOINTMENT and loss is Loss.OWNER_CHANGED:
        return policy.delete_appointments_on_owner_change
    return not policy.distinct_physical_and_logical_deletes_for_exchange_sync


def _appointment_in_exchange(lost: Lost) -> Deletion:
    if lost.is_past:
        return Deletion(Outcome.UNLINK, "past")
    if not lost.is_organizer:
        return Deletion(Outcome.UNLINK, "not-organizer")
    return Deletion(Outcome.DELETE, "other-side", tells_attendees=lost.has_attendees)


def cancelled_in_crm(lost: Lost, policy: Policy) -> Deletion | None:
    """What becomes of the Exchange item when an appointment is canceled here (10.2.6); None: it stays and is shown as
    free."""
    if not policy.sss_propagate_appointment_cancellations_to_exchange:
        return None
    found = _appointment_in_exchange(lost)
    return found if found.outcome is Outcome.DELETE else None


def handed_over_in_crm(lost: Lost) -> Deletion:
    """What becomes of a meeting in the calendar of who had called it, when a colleague calls it from now on (10.2.4): it is
    canceled, for there would be two. That is nothing that is only hidden: a person has said so."""
    found = _appointment_in_exchange(lost)
    return replace(found, reason="handed-over") if found.outcome is Outcome.DELETE else found


def lost_in_exchange(lost: Lost, policy: Policy, answer: Answer = Answer.NONE) -> Deletion:
    """What becomes of the record when its Exchange item is gone."""
    kept = _kept_in_crm(lost, policy)
    if kept:
        return Deletion(Outcome.UNLINK, kept)
    if lost.kind is ItemKind.APPOINTMENT:
        return Deletion(Outcome.DELETE, "other-side")
    if not policy.ask_before_deleting_in_crm:
        return Deletion(Outcome.DELETE, "other-side")
    if answer is Answer.NONE:
        return Deletion(Outcome.ASK, "asked")
    return Deletion(Outcome.DELETE, "approved") if answer is Answer.YES else Deletion(Outcome.UNLINK, "refused")


def _kept_in_crm(lost: Lost, policy: Policy) -> str:
    """Why the record stays, whatever anybody says; "" if it may go."""
    if lost.is_one_way:  # 10.5
        return "one-way"
    match lost.kind:
        case ItemKind.APPOINTMENT:  # 10.3.4
            if lost.is_closed:
                return "closed"
            if lost.is_past:
                return "past"
            return "" if lost.is_organizer else "not-organizer"
        case ItemKind.CONTACT:  # 10.6
            return "" if lost.is_owner else "not-owner"
        case ItemKind.TASK:  # 10.7
            behaviour = TaskDeletion(policy.sss_task_deletion_sync_behavior_from_exchange)
            if behaviour is TaskDeletion.NEVER:
                return "never"
            return "completed" if behaviour is TaskDeletion.UNLESS_COMPLETED and lost.is_closed else ""
