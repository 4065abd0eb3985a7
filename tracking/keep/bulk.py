"""Many rows of one table by one statement, prepared once and executed for each row.

The ORM writes the values of many rows into one long statement, composes it anew for each batch, and on SQLite cuts it
after 999 values: 26 emails. That costs several times the CPU of these few lines. Constraints and transactions are the same; keys
that the database gives are not read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model


def insert_many(rows: Sequence[Model], *, ignore_conflicts: bool = False) -> None:
    """Insert rows of one model. Raises IntegrityError, unless conflicting rows are to be ignored."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.local_concrete_fields if not isinstance(field, AutoField)]
    names = ", ".join(map(_quoted, fields))
    places = ", ".join(["%s"] * len(fields))
    conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    table = connection.ops.quote_name(meta.db_table)
    _execute(f"INSERT INTO {table} ({names}) VALUES ({places}){conflict}", (_values(row, fields) for row in rows))


def update_many(rows: Sequence[Model], columns: Iterable[str]) -> None:
    """Write these columns of rows of one model, which are found by their primary keys."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [meta.get_field(column) for column in columns]
    changes = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    table = connection.ops.quote_name(meta.db_table)
    _execute(
        f"UPDATE {table} SET {changes} WHERE {_quoted(meta.pk)} = %s",
        (_values(row, [*fields, meta.pk], add=False) for row in rows),
    )


def _execute(sql: str, values: Iterable[list[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, list(values))


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)


def _values(row: Model, fields: Sequence[Field[Any, Any]], add: bool = True) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, add), connection) for field in fields]
