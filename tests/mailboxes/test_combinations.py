"""Which delivery methods a mailbox may have, and who asks that table (1.2)."""

from __future__ import annotations

from itertools import product

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from mailboxes import bulk, combinations, provision
from mailboxes.combinations import ACT, DELETES, INCOMING, NONE, OUTGOING, Combination, Owner, Server
from mailboxes.models import Leg, LegStatus, Mailbox, Queue
from profiles.models import EmailServerProfile, ServerType

EXCHANGE, LINES, UNKNOWN = Server.EXCHANGE, Server.LINES, Server.UNKNOWN
# 1.2, row by row: owner, servers → incoming, outgoing, appointments; deleting after processing
TABLE = [
    (Owner.USER, (EXCHANGE, UNKNOWN), {0, 1, 2, 3}, {0, 1, 2}, {0, 1, 2}, False),
    (Owner.USER, (LINES,), {0, 2, 3}, {0, 2}, {2}, False),
    (Owner.QUEUE, (EXCHANGE, LINES, UNKNOWN), {0, 2, 3}, {0, 2}, {2}, True),
    (Owner.NOBODY, (EXCHANGE, LINES, UNKNOWN), {0, 2}, {0}, {2}, True),  # None switches it off (1.7)
]
ROWS = [(owner, server, *rest) for owner, servers, *rest in TABLE for server in servers]


@pytest.mark.parametrize(("owner", "server", "incoming", "outgoing", "act", "deletes"), ROWS)
def test_the_table(owner, server, incoming, outgoing, act, deletes) -> None:
    for one, two, three, delete in product(range(4), range(3), range(3), (False, True)):
        found = combinations.problems(Combination(owner, server, {INCOMING: one, OUTGOING: two, ACT: three}, delete))
        expected = {
            INCOMING: one not in incoming,
            OUTGOING: two not in outgoing,
            ACT: three not in act,
            DELETES: delete and not deletes,
        }
        assert set(found) == {column for column, wrong in expected.items() if wrong}
        assert all(sentence.endswith(".") and len(sentence) > 30 for sentence in found.values())


@pytest.mark.parametrize(("owner", "server"), list(product(Owner, Server)))
def test_what_is_fitted_is_allowed_and_what_is_allowed_stays(owner: Owner, server: Server) -> None:
    for one, two, three in product(range(4), range(3), range(3)):
        wanted = {INCOMING: one, OUTGOING: two, ACT: three}
        fitted = combinations.fitting(owner, server, wanted)
        assert combinations.problems(Combination(owner, server, fitted)) == {}
        assert all(fitted[column] in (wanted[column], NONE[column]) for column in wanted)


def test_a_sentence_says_what_to_change() -> None:
    asked = Combination(Owner.USER, LINES, {INCOMING: 1, OUTGOING: 2, ACT: 1})
    found = combinations.problems(asked)
    assert found[INCOMING] == (
        "Outlook cannot be used for incoming email with a POP3, IMAP or SMTP profile. "
        "Choose server-side synchronization or None."
    )
    assert "set them to None, or choose an Exchange profile" in found[ACT]


def test_forwarding_without_a_forward_mailbox_is_warned_of() -> None:  # 1.6
    asked = Combination(Owner.USER, EXCHANGE, {INCOMING: 3, OUTGOING: 2, ACT: 2})
    assert "there is none" in combinations.warnings(asked, forward_mailbox_exists=False)[0]
    assert combinations.warnings(asked, forward_mailbox_exists=True) == []


# Who asks the table


@pytest.fixture
def lines(db: None) -> EmailServerProfile:
    return EmailServerProfile.objects.create(name="POP3", server_type=ServerType.OTHER_POP3_SMTP)


@pytest.fixture
def exchange(db: None) -> EmailServerProfile:
    return EmailServerProfile.objects.create(name="Exchange", server_type=ServerType.EXCHANGE_SERVER)


def proven(mailbox: Mailbox, profile: EmailServerProfile, act: int = 2) -> Mailbox:
    """A mailbox whose legs were tested and run."""
    Mailbox.objects.filter(pk=mailbox.pk).update(
        email_server_profile=profile,
        incoming_email_delivery_method=2,
        outgoing_email_delivery_method=2,
        act_delivery_method=act,
    )
    mailbox.legs.update(enabled=True, status=LegStatus.SUCCESS)
    return Mailbox.objects.get(pk=mailbox.pk)


def running(mailbox: Mailbox) -> set[int]:
    return set(mailbox.legs.filter(enabled=True).values_list("leg", flat=True))


def user(name: str) -> Mailbox:
    return get_user_model().objects.create_user(name, f"{name}@us.test").mailbox


def test_the_mailbox_itself_refuses_naming_the_column(lines) -> None:
    mailbox = proven(user("alice"), lines, act=1)
    with pytest.raises(ValidationError) as refused:
        mailbox.full_clean()
    assert list(refused.value.message_dict) == [ACT]


def test_a_profile_for_many_leaves_out_those_it_does_not_suit(lines, exchange) -> None:
    alices, bobs = proven(user("alice"), exchange, act=1), proven(user("bob"), exchange)

    outcome = bulk.set_profile(Mailbox.objects.order_by("name"), lines)

    assert [one.mailbox.name for one in outcome.refused] == ["alice"]
    assert "choose an Exchange profile" in outcome.refused[0].sentences[0]
    assert [one.name for one in outcome.changed] == ["bob"]
    assert Mailbox.objects.get(pk=alices.pk).email_server_profile == exchange
    assert (running(alices), running(bobs)) == ({0, 1, 2}, set())  # 3.8: tested again, all of them


def test_methods_for_many_forget_only_the_tests_of_what_changed(exchange) -> None:  # 3.8
    alices = proven(user("alice"), exchange)
    support = proven(Queue.objects.create(name="Support", email_address="s@us.test").mailbox, exchange)

    outcome = bulk.set_methods(Mailbox.objects.all(), {OUTGOING: 1})

    assert [one.mailbox.pk for one in outcome.refused] == [support.pk]
    assert running(alices) == {Leg.INCOMING, Leg.ACT}
    assert running(support) == {0, 1, 2}
    assert bulk.set_methods(Mailbox.objects.filter(pk=alices.pk), {OUTGOING: 1}).unchanged == 1


def test_defaults_become_none_where_they_do_not_fit(lines) -> None:  # 3.2
    support = Queue.objects.create(name="Support").mailbox
    provision.set_defaults(support, provision.Defaults(1, 1, 1, lines))  # type: ignore[arg-type]
    assert (support.incoming_email_delivery_method, support.outgoing_email_delivery_method) == (0, 0)
    assert support.act_delivery_method == 2
