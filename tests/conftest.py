"""What most tests stand on: one sandbox process, emptied before each test, and the company that uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.company import Company
from tests.world import SandboxProcess


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
