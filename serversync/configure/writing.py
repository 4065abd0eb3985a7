"""Writing: one row is created, changed or left alone, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from profiles.models import EmailServerProfile
from profiles.secrets import KeyUnavailable, Sealed
from serversync.configure.document import Document, Place
from serversync.configure.reading import Given
from serversync.configure.tables import RECORDS
from serversync.configure.values import Named, known


class Change(IntEnum):
    """What came of an entry; of several rows the greatest counts."""

    UNCHANGED = 0
    CHANGED = 1
    CREATED = 2


def put(
    document: Document,
    row: models.Model,
    given: Iterable[Given],
    place: Place,
    check: Callable[[], None] = lambda: None,
) -> Change:
    """Make the row say what the file says, and validate it. What is not in the file stays as it is. `check` is asked
    before it is saved, and raises ValidationError as well.

    Problems are noted at the value that caused them, else at `place`, and then nothing is saved.
    """
    by_column = {one.column: one for one in given}
    values = {name: _resolved(document, row, one) for name, one in by_column.items()}
    is_new = row._state.adding
    changed = [name for name, value in values.items() if is_new or _differs(row, name, value)]
    if not is_new and not changed:
        return Change.UNCHANGED
    for name in changed:
        setattr(row, name, values[name])
    try:
        row.full_clean()
        check()
    except ValidationError as error:
        _blame(document, error, by_column, place)
    else:
        row.save()
    return Change.CREATED if is_new else Change.CHANGED


def _differs(row: models.Model, name: str, value: Any) -> bool:
    held = getattr(row, name)
    if isinstance(value, Sealed):
        return _opened(held) != _opened(value)  # sealing the same secret twice gives two texts
    return bool(held != value)


def _opened(secret: Sealed) -> str | None:
    """The secret, or None if its key is gone: then the one in the file replaces it."""
    try:
        return secret.reveal()
    except KeyUnavailable:
        return None


def _resolved(document: Document, row: models.Model, given: Given) -> Any:
    """The value itself, or the row that it names."""
    if not isinstance(given.value, Named):
        return given.value
    if not given.value.name:
        return None
    field = row._meta.get_field(given.column)
    assert isinstance(field, models.ForeignKey)
    return named(document, field.related_model, given.value.name, given.place)


def named(document: Document, model: type[models.Model], name: str, place: Place) -> models.Model | None:
    """The row of this name; None, with a problem noted, where there is none or where several have it."""
    column = _names()[model]
    found = list(model._base_manager.filter(**{column: name})[:2])
    if len(found) == 1:
        return found[0]
    kind = model._meta.verbose_name
    if found:
        document.blame(place, f"several rows of the kind {kind} are named “{name}”.", "Rename all but one of them.")
    else:
        names = model._base_manager.values_list(column, flat=True)[:1000]
        document.blame(place, f"“{name}” is no {kind}.", known(names, name))
    return None


def _names() -> Mapping[type[models.Model], str]:
    """The column by which rows of a model are named in the file."""
    names: dict[type[models.Model], str] = {EmailServerProfile: "name", get_user_model(): "username"}
    return names | dict(RECORDS.values())


def _blame(document: Document, error: ValidationError, given: Mapping[str, Given], place: Place) -> None:
    for name, messages in error.message_dict.items():
        where = given[name].place if name in given else place
        about = "" if name in given or name == NON_FIELD_ERRORS else f"{name}: "
        for message in messages:
            document.blame(where, about + message)
