"""What the header Sensitivity says about a mail (RFC 4021, 2.1.55)."""

from __future__ import annotations

import pytest

from profiles.connectors import mime
from tests.letters import letter
from tracking.decide.privacy import is_marked_private

MARKS = [
    ([("Sensitivity", "Private")], True),
    ([("Sensitivity", "Personal")], True),
    ([("sensitivity", " PERSONAL (for your eyes)")], True),
    ([("Sensitivity", "Company-Confidential"), ("Sensitivity", "Private")], True),
    ([("Sensitivity", "Company-Confidential")], False),
    ([("Sensitivity", "Normal")], False),
    ([("Sensitivity", "")], False),
    ([("Subject", "Private")], False),
    ([], False),
]


@pytest.mark.parametrize(("headers", "private"), MARKS, ids=[str(headers) for headers, _ in MARKS])
def test_private_and_personal_are_private_and_the_companys_confidences_are_not(
    headers: list[tuple[str, str]], private: bool
) -> None:
    assert is_marked_private(headers) is private


def test_the_header_is_among_those_that_are_read() -> None:
    raw = letter("dora@them.test", "alice@us.test", "Hi", "x", extra_headers=[("Sensitivity", "Private")])
    assert is_marked_private(mime.envelope(raw).headers)
