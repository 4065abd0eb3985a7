"""Profiles: how a connection is encrypted is one word, and the keys of the original that say less are read as well (2.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from profiles.encryption import tls_of
from profiles.models import EmailServerProfile
from profiles.validation import transport_of
from serversync.configure.document import Document
from serversync.configure.reading import Draft, Given
from serversync.configure.values import WrongValue, from_environment, truth
from serversync.configure.writing import Change, put

SIDES = ("incoming", "outgoing")


def put_profile(document: Document, draft: Draft, now: datetime) -> Change:
    """Create or change one profile, found by its name."""
    row = EmailServerProfile.objects.filter(name=draft.identity).first() or EmailServerProfile()
    for side in SIDES:
        _say_how_tls_begins(document, draft, row, side)
    return put(document, row, draft.own.values(), draft.place)


def _say_how_tls_begins(document: Document, draft: Draft, row: EmailServerProfile, side: str) -> None:
    """Without the key `…_tls`: what `…_use_ssl` means at this port; of a new profile, what is usual at it."""
    column, old = f"{side}_tls", draft.further.get(f"{side}_use_ssl")
    if column in draft.own:
        if old is not None:
            document.blame(old.place, f"{column} says it already.", "Keep one of the two.")
        return
    if old is None and not row._state.adding:
        return
    try:
        use_ssl = True if old is None else truth(from_environment(old.value))
    except WrongValue as error:
        assert old is not None, "only what was given can be wrong"
        document.blame(old.place, str(error), error.remedy)
        return
    transport = transport_of(_said(draft, row, "server_type"), side)
    tls = tls_of(transport, use_ssl, _said(draft, row, f"{side}_port_number"))
    draft.own[column] = Given(column, tls.value, old.place if old else draft.place)


def _said(draft: Draft, row: EmailServerProfile, column: str) -> Any:
    """What the column will hold."""
    return draft.own[column].value if column in draft.own else getattr(row, column)
