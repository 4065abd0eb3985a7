"""`.env.example` names every setting, and no other."""

from __future__ import annotations

import re

from tests.world import ROOT


def test_every_setting_that_is_read_is_explained() -> None:
    read = set(re.findall(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"', (ROOT / "serversync/settings.py").read_text()))
    explained = re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert "SECRET_KEY" in read
    assert sorted(explained) == sorted(set(explained))
    assert set(explained) == read | {"DATABASE_URL"}  # which has a reader of its own
