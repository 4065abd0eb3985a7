"""Many rows of one table by one statement, prepared once and executed for each row.

The ORM writes the values of many rows into one long statement, composes it anew for each batch, and on SQLite cuts it
after 999 values: 26 emails. That costs several times the CPU of these few lines. Constraints and transactions are the
same; keys that the database gives are not read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.models import AutoField, BooleanField, CharField, Field, IntegerField, Model, TextField

_PLAIN_FIELDS = (BooleanField, CharField, IntegerField, TextField)
_PLAIN_VALUES = frozenset({bool, int, str, type(None)})
Reader = Callable[[Model], Any]


def insert_many(rows: Sequence[Model], *, ignore_conflicts: bool = False) -> None:
    """Insert rows of one model. Raises IntegrityError, unless conflicting rows are to be ignored."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.local_concrete_fields if not isinstance(field, AutoField)]
    names = ", ".join(_quoted(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    _execute(f"INSERT INTO {_quoted(meta.db_table)} ({names}) VALUES ({places}){conflict}", rows, fields, adding=True)


def update_many(rows: Sequence[Model], columns: Iterable[str]) -> None:
    """Write these columns of rows of one model, which are found by their primary keys."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [meta.get_field(column) for column in columns]
    changes = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    key = _quoted(meta.pk.column)
    _execute(f"UPDATE {_quoted(meta.db_table)} SET {changes} WHERE {key} = %s", rows, [*fields, meta.pk], adding=False)


def _execute(sql: str, rows: Sequence[Model], fields: Sequence[Any], *, adding: bool) -> None:
    readers = [_reader(field, adding) for field in fields]
    with _connection().cursor() as cursor:
        cursor.executemany(sql, [[read(row) for read in readers] for row in rows])


def _reader(field: Field[Any, Any], adding: bool) -> Reader:
    """What gives the value of a field as the database takes it."""
    connection = _connection()
    is_plain = isinstance(getattr(field, "target_field", field), _PLAIN_FIELDS)

    def read(row: Model) -> Any:
        value = field.pre_save(row, adding)
        # Most columns of an email are texts, numbers and nothing: the way through the field would only give them back.
        if is_plain and type(value) in _PLAIN_VALUES:
            return value
        return field.get_db_prep_save(value, connection)

    return read


def _connection() -> Any:
    """The connection itself: `django.db.connection` looks it up again at every use."""
    return connections["default"]


def _quoted(name: str) -> str:
    return str(_connection().ops.quote_name(name))
