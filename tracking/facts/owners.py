"""Who has a mailbox here, with their filters and exclusions (5.4, 5.7): read once in a cycle for each who occurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from mailboxes.eligibility import receives
from mailboxes.models import AutoCreate, IncomingFilter, Mailbox, UserSettings
from mailboxes.policy import Policy
from profiles.models import StateCode
from tracking.decide.exclusions import NOTHING_EXCLUDED, Exclusions
from tracking.decide.internal import KINDS, QUEUE
from tracking.decide.verdicts import Candidate, Filter, Match
from tracking.models import Tombstone, TrackingExclusion
from tracking.models.exclusions import ExclusionKind

USER = KINDS[0]
Key = tuple[str, str]


class Owners:
    """The owners of mailboxes, for one cycle over one mailbox. Nobody is asked for twice."""

    def __init__(self, mailbox: Mailbox, policy: Policy) -> None:
        self.policy = policy
        self._known: dict[Key, Candidate | None] = {}
        self._enabled: set[Key] = set()
        self._key_in: dict[UUID, Key] = {}
        self._mailbox = mailbox
        self.candidates = self.candidates_for(mailbox)
        self.exclusions = _exclusions_of([None]).get(None, NOTHING_EXCLUDED)
        self._has_tombstones = Tombstone.objects.exists()

    def candidates_for(self, mailbox: Mailbox) -> tuple[Candidate, ...]:
        """Who accepts what arrives in this mailbox, whatever its headers say: its user or its queue; nobody if it is a
        forward mailbox."""
        key = _key_of(mailbox)
        if key is None:
            return ()
        self._learn([key])
        found = self._known[key]
        return () if found is None else (found,)

    def among(self, matches: Iterable[Match]) -> Mapping[Key, Candidate]:
        """The enabled users and queues among these records that have a mailbox, by kind and id."""
        keys = {(match.kind, match.record_id) for match in matches if match.kind in KINDS}
        self._learn(keys - self._known.keys())
        return {key: one for key in keys & self._enabled if (one := self._known[key]) is not None}

    def removed(self, content_keys: Collection[str]) -> tuple[frozenset[str], dict[str, frozenset[Key]]]:
        """Those of these messages that were removed from the mailbox before, and which of the others asked so far have
        removed them from theirs (law 12)."""
        if not self._has_tombstones:
            return frozenset(), {}
        mailboxes = {self._mailbox.pk, *self._key_in}
        found = Tombstone.objects.filter(mailbox__in=mailboxes, content_key__in=content_keys)
        here: set[str] = set()
        elsewhere: dict[str, frozenset[Key]] = defaultdict(frozenset)
        for mailbox_id, content_key in found.values_list("mailbox_id", "content_key"):
            if mailbox_id == self._mailbox.pk:
                here.add(content_key)
            else:
                elsewhere[content_key] |= {self._key_in[mailbox_id]}
        return frozenset(here), dict(elsewhere)

    def _learn(self, keys: Collection[Key]) -> None:
        """Two selects, or none if there is nobody new."""
        if not keys:
            return
        self._known.update(dict.fromkeys(keys))
        users = [record_id for kind, record_id in keys if kind == USER]
        queues = [record_id for kind, record_id in keys if kind == QUEUE]
        whose = Q(regarding_user__in=users) | Q(regarding_queue__in=queues)
        about = ("regarding_user__sync_settings", "regarding_queue__owner__sync_settings")
        mailboxes = Mailbox.objects.filter(whose).select_related(*about)
        found = list(mailboxes)
        exclusions = _exclusions_of([mailbox.pk for mailbox in found])
        for mailbox in found:
            candidate = _candidate(mailbox, exclusions.get(mailbox.pk, NOTHING_EXCLUDED), self.policy)
            self._known[candidate.key] = candidate
            self._key_in[mailbox.pk] = candidate.key
            if _is_enabled(mailbox):
                self._enabled.add(candidate.key)


def _key_of(mailbox: Mailbox) -> Key | None:
    if mailbox.regarding_user_id is not None:
        return USER, str(mailbox.regarding_user_id)
    return None if mailbox.regarding_queue_id is None else (QUEUE, str(mailbox.regarding_queue_id))


def _is_enabled(mailbox: Mailbox) -> bool:
    user, queue = mailbox.regarding_user, mailbox.regarding_queue
    return user.is_active if user is not None else queue is not None and queue.state_code == StateCode.ACTIVE


def _candidate(mailbox: Mailbox, exclusions: Exclusions, policy: Policy) -> Candidate:
    user, queue = mailbox.regarding_user, mailbox.regarding_queue
    if queue is not None:
        kind, owner_id, name = QUEUE, str(queue.pk), queue.name
        chosen, needs_approval = queue.incoming_email_filtering_method, policy.require_approval_for_queue_email
    else:
        assert user is not None, "selected by its user or its queue"
        kind, owner_id, name = USER, str(user.pk), mailbox.name
        chosen, needs_approval = _filter_of(user, policy), policy.require_approval_for_user_email
    return Candidate(
        kind,
        owner_id,
        name,
        mailbox.email_address.lower(),
        Filter(chosen),
        receives=receives(
            mailbox.incoming_email_delivery_method,
            mailbox.is_active,
            _is_enabled(mailbox),
            mailbox.email_router_access_approval,
            needs_approval,
        ),
        exclusions=exclusions,
        **_of_the_owner(user if queue is None else queue.owner),
    )


def _of_the_owner(user: Any) -> dict[str, Any]:
    """Who owns what comes in (5.16) and what that person wants of unknown senders (5.15); a queue has its owner's."""
    if user is None or not user.is_active:
        return {}
    try:
        creates = int(user.sync_settings.auto_create_contact_on_promote)
    except UserSettings.DoesNotExist:
        creates = AutoCreate.NOTHING
    return {"owner_id": str(user.pk), "creates": int(creates)}


def _filter_of(user: Any, policy: Policy) -> int:
    """The user's choice, unless the organization has one for everybody (5.5)."""
    forced = policy.sss_force_filtering_method_for_user_mailboxes
    if forced >= 0:
        return forced
    try:
        return int(user.sync_settings.incoming_email_filtering_method)
    except UserSettings.DoesNotExist:
        return IncomingFilter.RESPONSES_TO_OUR_MAIL


def _exclusions_of(mailbox_ids: Collection[Any]) -> dict[Any, Exclusions]:
    """What is excluded in each of these mailboxes; None stands for the whole organization."""
    condition = Q(mailbox__isnull=True) if None in mailbox_ids else Q(mailbox__in=mailbox_ids)
    found: dict[Any, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    stored = TrackingExclusion.objects.filter(condition).order_by()
    for mailbox_id, kind, value in stored.values_list("mailbox_id", "kind", "value"):
        found[mailbox_id][kind].add(value.lower())
    return {
        mailbox_id: Exclusions(
            frozenset(kinds[ExclusionKind.ADDRESS]),
            frozenset(kinds[ExclusionKind.DOMAIN]),
            frozenset(kinds[ExclusionKind.THREAD]),
        )
        for mailbox_id, kinds in found.items()
    }
