"""Messages that nothing can read, until the cause is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from profiles.connectors import mime

Cure = Callable[[], None]


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Cure:
    """Messages about poison break what reads them, until that is cured."""
    as_it_is = mime.message

    def breaks(raw: bytes, **how):
        if b"Poison" in raw:
            raise ValueError("no sense to be made of it")
        return as_it_is(raw, **how)

    monkeypatch.setattr(mime, "message", breaks)
    return lambda: monkeypatch.setattr(mime, "message", as_it_is)
