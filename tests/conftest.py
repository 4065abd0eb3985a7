"""What most tests stand on: one sandbox process, emptied before each test, and the company that uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import DatabaseWrapper

from tests import migrated
from tests.company import Company
from tests.world import SandboxProcess


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The database that Django makes for the tests in memory begins as a copy; its own `migrate` finds nothing to do."""
    connection_created.connect(_begin_with_a_copy)
    yield
    connection_created.disconnect(_begin_with_a_copy)


def _begin_with_a_copy(connection: object, **_: object) -> None:
    if isinstance(connection, DatabaseWrapper) and connection.is_in_memory_db():
        migrated.fill(connection.connection)


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(shared_sandbox: SandboxProcess) -> SandboxProcess:
    shared_sandbox.reset()
    shared_sandbox.clear_faults()
    return shared_sandbox


@pytest.fixture
def company(sandbox: SandboxProcess, db: None) -> Company:
    return Company(sandbox)
