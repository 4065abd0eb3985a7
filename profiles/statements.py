"""Statements that are composed once and executed often: many rows by one statement, or the same change again and again.

The ORM writes the values of many rows into one long statement, composes each statement anew, and on SQLite cuts it after
999 values: 26 emails. That costs several times the CPU of these few lines. Constraints and transactions are the same; keys
that the database gives are not read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.db import connections
from django.db.models import AutoField, BooleanField, CharField, IntegerField, Model, TextField

_PLAIN = {BooleanField: bool, CharField: str, IntegerField: int, TextField: str}
Adapter = tuple[frozenset[type], Callable[[Any], Any]]


def insert_many(rows: Sequence[Model], *, ignore_conflicts: bool = False) -> None:
    """Insert rows of one model. Raises IntegrityError, unless conflicting rows are to be ignored."""
    if not rows:
        return
    sql, fields = _insertion(type(rows[0]))
    _execute(sql + (" ON CONFLICT DO NOTHING" if ignore_conflicts else ""), rows, fields, adding=True)


@lru_cache
def _insertion(model: type[Model]) -> tuple[str, list[Any]]:
    meta: Any = model._meta
    fields: list[Any] = [field for field in meta.local_concrete_fields if not isinstance(field, AutoField)]
    names = ", ".join(_quoted(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {_quoted(meta.db_table)} ({names}) VALUES ({places})", fields


def update_many(rows: Sequence[Model], columns: Iterable[str]) -> None:
    """Write these columns of rows of one model, which are found by their primary keys."""
    if not rows:
        return
    meta: Any = rows[0]._meta
    fields: list[Any] = [meta.get_field(column) for column in columns]
    changes = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    key = _quoted(meta.pk.column)
    _execute(f"UPDATE {_quoted(meta.db_table)} SET {changes} WHERE {key} = %s", rows, [*fields, meta.pk], adding=False)


def _execute(sql: str, rows: Sequence[Model], fields: Sequence[Any], *, adding: bool) -> None:
    for field in fields:
        if getattr(field, "auto_now", False) or (adding and getattr(field, "auto_now_add", False)):
            for row in rows:
                field.pre_save(row, adding)
    attributes = attrgetter(*(field.attname for field in fields))
    columns = [_adapter(field) for field in fields]
    with _connection().cursor() as cursor:
        cursor.executemany(sql, [_adapted(attributes(row), columns) for row in rows])


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
    return plain, lambda value: field.get_db_prep_save(value, _connection())


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
        self._adapters: list[tuple[tuple[type, ...], Callable[[Any], Any]]] = []

    def __call__(self, *values: Any) -> int:
        """Returns how many rows were changed. Values of foreign keys are keys, never rows."""
        if not self._sql:
            self._compose()
        adapted = [
            (int(value) if isinstance(value, int) else value) if isinstance(value, kinds) else adapt(value)
            for value, (kinds, adapt) in zip(values, self._adapters, strict=True)
        ]
        with _connection().cursor() as cursor:
            cursor.execute(self._sql, adapted)
            return int(cursor.rowcount)

    def _compose(self) -> None:
        changes = ", ".join(f"{_quoted(field.column)} = %s" for field in self._changes)
        where = " AND ".join(f"{_quoted(field.column)} = %s" for field in self._keys)
        self._adapters = [_adapter_of(field) for field in (*self._changes, *self._keys)]
        self._sql = f"UPDATE {_quoted(self._table)} SET {changes} WHERE {where}{self._also}"


def _adapter_of(field: Any) -> tuple[tuple[type, ...], Callable[[Any], Any]]:
    """As `_adapter`, for members of enumerations as well, and for any connection."""
    own = getattr(field, "target_field", field)
    plain: tuple[type, ...] = (int, type(None)) if isinstance(own, IntegerField | AutoField) else ()
    plain = (str, type(None)) if isinstance(own, CharField | TextField) else plain
    return plain, lambda value: field.get_db_prep_save(value, _connection())
