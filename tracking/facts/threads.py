"""What else than Message-IDs leads from a batch to tracked emails (6.1): no select unless the batch gives a reason.

Tokens take one select, conversation indexes one, who takes part in what they lead to two, the records behind it up to
two, smart matching three. Each uses an index and is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.contenttypes.models import ContentType

from mailboxes.policy import Policy
from tracking.crm.conversation_index import index_of
from tracking.crm.fingerprints import Fingerprint, fingerprint, hash_of, words_of
from tracking.crm.models import ActivityParty, Case, Contact, Email, EmailHash
from tracking.crm.models.hashes import HashType
from tracking.crm.models.records import Account
from tracking.crm.tokens import prefixes_of, tokens_in
from tracking.decide.correlation import ancestor_ids, is_passed_over, looks_at_headers
from tracking.decide.threads import Record, Threads
from tracking.decide.verdicts import Known, Match, Message
from tracking.facts.known import COLUMNS, Tracked, known_of

MOST_EMAILS, MOST_PARTIES, MOST_MATCHES = 1000, 20_000, 400


def threads_of(
    messages: Sequence[Message],
    tracked: Tracked,
    by_address: Mapping[str, tuple[Match, ...]],
    policy: Policy,
    now: datetime,
) -> Threads:
    """Everything that correlation needs beyond `tracked`: the first hit wins, so nothing more is sought for a message
    whose ancestor is there."""
    messages = [message for message in messages if not is_passed_over(message.envelope, policy)]
    if looks_at_headers(policy):
        messages = [message for message in messages if not _names_a_tracked_one(message, tracked)]
    threads = Threads(sharing=tracked.sharing)
    threads.by_token = _by_token(messages, policy)
    if looks_at_headers(policy):
        threads.by_index = _by_index(messages)
    doubtful = [email for found in _lists(threads) for email in found]
    if doubtful:
        threads.people = _people({email.conversation for email in doubtful})
        threads.circles = _circles(doubtful, _matches_of_senders(messages, by_address))
    if policy.email_smart_matching_enabled:
        threads.fingerprints = _alike(messages, policy, now)
    return threads


def _names_a_tracked_one(message: Message, tracked: Tracked) -> bool:
    return any(one in tracked.by_message_id for one in ancestor_ids(message.envelope))


def _lists(threads: Threads) -> Iterable[list[Known]]:
    yield from threads.sharing.values()
    yield from threads.by_token.values()
    yield from threads.by_index.values()


def _by_token(messages: Sequence[Message], policy: Policy) -> dict[str, list[Known]]:
    """6.5: tokens are recognised whether or not new mail is given one. Classic ones repeat: newest first."""
    prefixes = prefixes_of(policy)
    wanted = {token for message in messages for token in tokens_in(message.envelope.subject, prefixes)}
    found: dict[str, list[Known]] = defaultdict(list)
    if wanted:
        # The second condition is that of the index.
        emails = Email.objects.filter(tracking_token__in=wanted).exclude(tracking_token="")
        for email in emails.only(*COLUMNS, "tracking_token").order_by("-id")[:MOST_EMAILS]:
            found[email.tracking_token].append(known_of(email))
    return dict(found)


def _by_index(messages: Sequence[Message]) -> dict[int, list[Known]]:
    indexes = (index_of(message.envelope.thread_index) for message in messages)
    wanted = {index.base_hash for index in indexes if index is not None}
    found: dict[int, list[Known]] = defaultdict(list)
    if wanted:
        emails = Email.objects.filter(base_conversation_index_hash__in=wanted)
        for email in emails.only(*COLUMNS, "base_conversation_index_hash").order_by("-id")[:MOST_EMAILS]:
            found[email.base_conversation_index_hash or 0].append(known_of(email))
    return dict(found)


def _people(conversations: Collection[UUID]) -> dict[UUID, set[str]]:
    """The addresses in all roles of all emails of these conversations, lower case."""
    emails = Email.objects.filter(conversation_tracking_id__in=conversations).order_by("-id")
    conversation_of = dict(emails.values_list("id", "conversation_tracking_id")[:MOST_EMAILS])
    parties = ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(Email), activity_id__in=list(conversation_of)
    )
    found: dict[UUID, set[str]] = defaultdict(set)
    for email_id, address in parties.values_list("activity_id", "address_used")[:MOST_PARTIES]:
        found[conversation_of[email_id] or email_id].add(address.lower())
    return dict(found)


def _matches_of_senders(messages: Sequence[Message], by_address: Mapping[str, tuple[Match, ...]]) -> list[Match]:
    senders = {message.envelope.sender.key for message in messages if message.envelope.sender}
    return [match for sender in senders for match in by_address.get(sender, ())]


def _circles(emails: Iterable[Known], senders: Iterable[Match]) -> dict[Record, frozenset[Record]]:
    """Contacts and cases with the accounts they belong to; every other record stands for itself."""
    wanted = {(match.type_id, match.record_id) for match in senders}
    regarded = {(email.regarding_type_id, email.regarding_id) for email in emails if email.regarding_type_id}
    if not wanted or not regarded:
        return {}
    everybody = wanted | {(type_id, record_id) for type_id, record_id in regarded if type_id is not None}
    types = ContentType.objects.get_for_models(Account, Case, Contact)
    account = types[Account].pk
    found: dict[Record, frozenset[Record]] = {}
    for model, column in ((Contact, "parent_customer_id"), (Case, "customer_account_id")):
        kind = types[model].pk
        ids = [record_id for type_id, record_id in everybody if type_id == kind]
        if ids:
            belonging = model._default_manager.filter(pk__in=ids).exclude(**{column: None})
            for record_id, account_id in belonging.values_list("pk", column):
                own = (kind, str(record_id))
                found[own] = frozenset({own, (account, str(account_id))})
    return found


def _alike(messages: Sequence[Message], policy: Policy, now: datetime) -> list[tuple[Known, Fingerprint]]:
    """6.6: emails of the last days that have the rarest words of these subjects, with all their numbers, newest first.

    A match lacks at most `hash_delta_subject_count` of the words, so one of the longest words more than that is always
    among them; long words are rare.
    """
    probes = {hash_of(word) for message in messages for word in _longest(message.envelope.subject, policy)}
    since = now - timedelta(days=policy.smart_matching_days)
    hits = EmailHash.objects.filter(hash_type=HashType.SUBJECT, hash__in=probes, created_on__gte=since)
    ids = list(dict.fromkeys(hits.order_by("-id").values_list("email_id", flat=True)[:MOST_MATCHES])) if probes else []
    if not ids:
        return []
    prints = _fingerprints(ids)
    own = [fingerprint(message.envelope, policy) for message in messages]
    matching = [pk for pk in ids if pk in prints and any(one.agrees_with(prints[pk], policy) for one in own)]
    emails = Email.objects.filter(pk__in=matching).only(*COLUMNS).order_by("-id")
    return [(known_of(email), prints[email.pk]) for email in emails]


def _longest(subject: str, policy: Policy) -> list[str]:
    words = sorted(words_of(subject, policy), key=len, reverse=True)
    return words[: policy.hash_delta_subject_count + 1]


def _fingerprints(ids: Sequence[UUID]) -> dict[UUID, Fingerprint]:
    found: dict[UUID, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    rows = EmailHash.objects.filter(email_id__in=ids)
    for email_id, kind, number in rows.values_list("email_id", "hash_type", "hash"):
        found[email_id][kind].add(number)
    return {
        pk: Fingerprint(frozenset(kinds[HashType.SUBJECT]), frozenset(kinds[HashType.ADDRESS]))
        for pk, kinds in found.items()
    }
