"""Whether a contact that comes in is one that is here already: linked, asked about, or made anew (10.1 f, k, 10.6)."""

from __future__ import annotations

import pytest

from mailboxes.policy import Policy
from profiles.act_items import Fields
from tracking.decide.matching import Likeness, Person, keys_of, match, phone, words

ANN: Fields = {
    "full_name": "Ann Smith",
    "email_1": "ann@acme.test",
    "mobile_phone": "+49 170 1234567",
    "company": "Acme",
}
INFO: Fields = {"full_name": "Bob Ray", "email_1": "info@acme.test"}
TABLE = [
    ("the same in other words", {**ANN, "full_name": "SMITH, Ann", "email_1": "Ann@Acme.test"}, ANN, "same 100"),
    ("an accent", {**ANN, "full_name": "Änn Smith"}, ANN, "same 100"),
    ("the second address", {"full_name": "Ann Smith", "email_2": "ann@acme.test"}, ANN, "same 100"),
    ("a name in parts", {"first_name": "Ann", "last_name": "Smith", "email_1": "ann@acme.test"}, ANN, "same 100"),
    ("a middle name", {"full_name": "Ann B. Smith", "email_1": "ann@acme.test"}, ANN, "same 95"),
    ("no name", {"email_1": "ann@acme.test"}, ANN, "same 95"),
    ("a shared address", {"full_name": "Ann Smith", "email_1": "info@acme.test"}, INFO, "ask 70"),
    ("a new name, the same phone", {**ANN, "full_name": "Ann Jones"}, ANN, "ask 85"),
    ("name and phone", {"full_name": "Ann Smith", "home_phone": "0170/1234567"}, ANN, "same 95"),
    ("name and company", {"full_name": "Ann Smith", "company": "ACME"}, ANN, "ask 80"),
    ("only a name", {"full_name": "Ann Smith"}, ANN, "ask 65"),
    ("a namesake", {"full_name": "Ann Smith", "email_1": "ann@else.test"}, ANN, "new 40"),
    ("a flatmate", {"full_name": "Carl Jones", "mobile_phone": "+49 170 1234567"}, ANN, "new 30"),
    ("somebody else", {"full_name": "Carl Jones", "email_1": "carl@else.test"}, ANN, "new 0"),
    ("nothing at all", {}, {}, "new 0"),
]


@pytest.mark.parametrize(("incoming", "known", "found"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_how_like_two_contacts_are(incoming: Fields, known: Fields, found: str) -> None:  # 10.6
    matching = match(Person.of("", incoming), [Person.of("1", known)], Policy())
    assert f"{matching.likeness} {matching.score}" == found
    assert (matching.ref == "1") == (matching.likeness is not Likeness.NEW)


def test_two_that_are_as_like_are_asked_about() -> None:
    twins = [Person.of("2", ANN), Person.of("1", ANN), Person.of("3", INFO)]
    found = match(Person.of("", ANN), twins, Policy())
    assert (found.likeness, found.ref, found.others) == (Likeness.ASK, "1", ("2",))
    assert found.facts() == {"record": "1", "score": 100, "because": found.because, "others": ["2"]}


def test_the_organization_says_how_sure_is_sure() -> None:
    name_only = Person.of("", {"full_name": "Ann Smith"})
    known = [Person.of("1", ANN)]
    assert match(name_only, known, Policy(contact_match_sure=60)).likeness is Likeness.SAME
    assert match(name_only, known, Policy(contact_match_ask=66)).likeness is Likeness.NEW
    never = Policy(contact_match_sure=101, contact_match_ask=101)
    assert match(Person.of("", ANN), known, never).likeness is Likeness.NEW


def test_what_to_look_for_in_the_database() -> None:
    keys = keys_of([Person.of("", ANN), Person.of("", INFO)])
    assert keys["emails"] == {"ann@acme.test", "info@acme.test"}
    assert keys["phones"] == {"701234567"}
    assert keys["names"] == {"ann", "smith", "bob", "ray"}


@pytest.mark.parametrize(
    ("number", "digits"), [("+49 (170) 123 45 67", "701234567"), ("110", ""), (None, ""), ("٠١٢٣٤٥٦", "0123456")]
)
def test_phone_numbers_are_compared_by_their_last_digits(number: str | None, digits: str) -> None:
    assert phone(number) == digits


def test_names_are_compared_by_their_words() -> None:
    assert words("Smith, Änn-Marie") == {"smith", "ann", "marie"}
    assert words(None) == frozenset()
