"""One sandbox process for all tests of the sandbox itself, emptied before each."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import SandboxProcess


@pytest.fixture(scope="session")
def authority_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls") / "authority.pem"


@pytest.fixture(scope="session")
def sandbox_process(authority_file: Path) -> Iterator[SandboxProcess]:
    options = ("--tls-self-signed", str(authority_file), "--pop3s", "0", "--smtps", "0")
    with SandboxProcess(*options, "--account", "founder@us.test:secret") as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> SandboxProcess:
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def trusting(sandbox: SandboxProcess, authority_file: Path) -> ssl.SSLContext:
    """A client context that trusts the sandbox."""
    return ssl.create_default_context(cafile=str(authority_file))
