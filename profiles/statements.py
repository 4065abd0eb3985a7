"""Statements that are composed once and executed often: many rows by one statement, or the same change again and again.

The ORM writes the values of many rows into one long statement, composes each statement anew, and on SQLite cuts it after
999 values: 26 emails. That costs several times the CPU of these few lines. Constraints and transactions are the same; keys
that the database gives are not read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.db import connections
from django.db.models import (
    AutoField,
    BooleanField,
    CharField,
    DateTimeField,
    IntegerField,
    Model,
    TextChoices,
    TextField,
    UUIDField,
)

_PLAIN = {BooleanField: bool, CharField: str, IntegerField: int, TextField: str}
_REPEATED = (DateTimeField, IntegerField, UUIDField)
Adapter = tuple[frozenset[type], Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement with one place for each of these fields of a row."""

    sql: str
    automatic: tuple[Any, ...]  # the fields that set themselves
    values: Callable[[Any], tuple[Any, ...]]
    adapters: tuple[Adapter, ...]


def insert_many(rows: Sequence[Model], *, ignore_conflicts: bool = False) -> None:
    """Insert rows of one model. Raises IntegrityError, unless conflicting rows are to be ignored."""
    if not rows:
        return
    _execute(_insertion(type(rows[0]), ignore_conflicts), rows, adding=True)


@lru_cache
def _insertion(model: type[Model], ignore_conflicts: bool) -> _Statement:
    meta: Any = model._meta
    fields: list[Any] = [field for field in meta.local_concrete_fields if not isinstance(field, AutoField)]
    names = ", ".join(_quoted(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {_quoted(meta.db_table)} ({names}) VALUES ({places})"
    return _statement(sql + (" ON CONFLICT DO NOTHING" if ignore_conflicts else ""), fields, adding=True)


def update_many(rows: Sequence[Model], columns: Iterable[str]) -> None:
    """Write these columns of rows of one model, which are found by their primary keys."""
    if not rows:
        return
    _execute(_updating(type(rows[0]), tuple(columns)), rows, adding=False)


@lru_cache(maxsize=256)
def _updating(model: type[Model], columns: tuple[str, ...]) -> _Statement:
    meta: Any = model._meta
    fields: list[Any] = [meta.get_field(column) for column in columns]
    changes = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    sql = f"UPDATE {_quoted(meta.db_table)} SET {changes} WHERE {_quoted(meta.pk.column)} = %s"
    return _statement(sql, [*fields, meta.pk], adding=False)


def _statement(sql: str, fields: Sequence[Any], *, adding: bool) -> _Statement:
    automatic = tuple(
        field
        for field in fields
        if getattr(field, "auto_now", False) or (adding and getattr(field, "auto_now_add", False))
    )
    values = attrgetter(*(field.attname for field in fields))
    return _Statement(sql, automatic, values, tuple(_adapter(field) for field in fields))


def _execute(statement: _Statement, rows: Sequence[Model], *, adding: bool) -> None:
    for field in statement.automatic:
        for row in rows:
            field.pre_save(row, adding)
    values, adapters = statement.values, statement.adapters
    with _connection().cursor() as cursor:
        cursor.executemany(statement.sql, [_adapted(values(row), adapters) for row in rows])


def _adapted(values: tuple[Any, ...], columns: Sequence[Adapter]) -> list[Any]:
    """The values as the database takes them. Texts, numbers and nothing are most of an email, and stay as they are."""
    return [
        value if type(value) in as_it_is else adapt(value)
        for value, (as_it_is, adapt) in zip(values, columns, strict=True)
    ]


@lru_cache(maxsize=1024)
def _adapter(field: Any) -> Adapter:
    """The types of values that this field gives to the database unchanged, and what it does with the others."""
    own = getattr(field, "target_field", field)
    plain = next(
        (frozenset({value, type(None)}) for kind, value in _PLAIN.items() if isinstance(own, kind)), frozenset()
    )
    if isinstance(own, _REPEATED):
        kind: Any = type(own)
        return plain | {type(None)}, _remembered(kind)
    if isinstance(own, CharField):
        return plain, lambda value: value.value if isinstance(value, TextChoices) else _prepared(field, value)
    return plain, lambda value: _prepared(field, value)


def _prepared(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, _connection())


@lru_cache
def _remembered(kind: type[Any]) -> Callable[[Any], Any]:
    """What fields of this kind give to the database; the same keys, times and states come again within a moment."""
    field = kind()
    return lru_cache(maxsize=1024)(lambda value: field.get_db_prep_save(value, _connection()))


def _connection() -> Any:
    """The connection itself: `django.db.connection` looks it up again at every use."""
    return connections["default"]


def _quoted(name: str) -> str:
    return str(_connection().ops.quote_name(name))


class Change:
    """UPDATE of the rows that have certain values in certain columns; call it with the new values, then those looked for.
    `also` is a further condition in SQL, without values."""

    def __init__(self, model: type[Model], changes: Sequence[str], found_by: Sequence[str], also: str = "") -> None:
        meta: Any = model._meta
        self._table = meta.db_table
        self._changes = [meta.get_field(name) for name in changes]
        self._keys = [meta.get_field(name) for name in found_by]
        self._also = f" AND {also}" if also else ""
        self._sql = ""
        self._adapters: list[Adapter] = []

    def __call__(self, *values: Any) -> int:
        """Returns how many rows were changed. Values of foreign keys are keys, never rows."""
        if not self._sql:
            self._compose()
        with _connection().cursor() as cursor:
            cursor.execute(self._sql, _adapted(values, self._adapters))
            return int(cursor.rowcount)

    def _compose(self) -> None:
        changes = ", ".join(f"{_quoted(field.column)} = %s" for field in self._changes)
        where = " AND ".join(f"{_quoted(field.column)} = %s" for field in self._keys)
        self._adapters = [_adapter(field) for field in (*self._changes, *self._keys)]
        self._sql = f"UPDATE {_quoted(self._table)} SET {changes} WHERE {where}{self._also}"
