"""A house of four for tables: Alice and Bob, the Support and the Sales queue. What each takes is a filter away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from mailboxes.policy import Policy, policy_from
from profiles.connectors import mime
from tests.letters import letter
from tracking.crm.identity import content_key
from tracking.decide.exclusions import Exclusions
from tracking.decide.relevance import judge
from tracking.decide.verdicts import Candidate, Facts, Filter, Known, Match, Message, Verdict

POLICY = Policy()
DYNAMICS = policy_from({"compatibility": "dynamics"})
ALICE = Candidate("systemuser", "1", "Alice", "alice@us.test", Filter.ALL)
BOB = Candidate("systemuser", "2", "Bob", "bob@us.test", Filter.ALL)
SUPPORT = Candidate("queue", "3", "Support", "support@us.test", Filter.ALL)
SALES = Candidate("queue", "4", "Sales", "sales@us.test", Filter.ALL)
HOUSE = (ALICE, BOB, SUPPORT, SALES)


def message(sender: str, to: Iterable[str], **more) -> Message:
    raw = letter(sender, list(to), more.pop("subject", "Hello"), "x", **more)
    envelope = mime.envelope(raw)
    return Message(envelope, content_key(envelope), envelope.message_id, len(raw), None)


def known(outgoing: bool = True, message_id: str = "<q@acme.test>") -> Known:
    return Known(uuid4(), message_id, "Quote", uuid4(), None, "", "", outgoing)


def contact(address: str) -> dict[str, tuple[Match, ...]]:
    return {address: (Match(9, address, "contact", 1, address, "", True, 0.0),)}


def facts(reader: Candidate, house: Sequence[Candidate] = HOUSE, **more) -> Facts:
    by_address = {
        one.address: (Match(0, one.id, one.kind, 0 if one.kind == "systemuser" else 9, one.name, "", True, 0.0),)
        for one in house
    }
    current = {one.key: one for one in house}
    return Facts(
        candidates=(current.get(reader.key, reader),),
        start=None,
        by_address=by_address | more.pop("by_address", {}),
        owners=current,
        **more,
    )


def judged(one: Message, reader: Candidate, *house: Candidate, policy: Policy = POLICY, **more) -> Verdict:
    """The verdict in `reader`'s mailbox; those named in `house` differ from the usual."""
    changed = {person.key: person for person in (reader, *house)}
    return judge(one, facts(reader, [changed.get(person.key, person) for person in HOUSE], **more), policy)


def takes(candidate: Candidate, filter: Filter) -> Candidate:
    return replace(candidate, filter=filter)


NO_ACME = Exclusions(domains=frozenset({"acme.test"}))
TO_BOTH = message("ann@acme.test", ["alice@us.test", "bob@us.test"])
SILENT = message("ann@acme.test", ["team@lists.test"], extra_headers=[("Delivered-To", "alice@us.test")])
NOT_ALICE, NOT_BOB = takes(ALICE, Filter.RESPONSES), takes(BOB, Filter.RESPONSES)
