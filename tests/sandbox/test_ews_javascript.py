"""The EWS face must satisfy a client of another family: npm's ews-javascript-api, run by Node."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.npm import node_modules
from tests.world import ROOT, SandboxProcess

SCRIPT = ROOT / "tests" / "ews_javascript"

pytestmark = pytest.mark.debian


@pytest.fixture(name="node_modules")
def packages() -> Path:
    """The script's packages."""
    return node_modules(SCRIPT)


def test_a_javascript_client_can_do_everything_it_needs(sandbox: SandboxProcess, node_modules: Path) -> None:
    sandbox.account("alice@us.test")
    sandbox.account("service@us.test", impersonate=True)
    run = subprocess.run(
        ["node", str(SCRIPT / "acceptance.js"), sandbox.ews_url, f"http://{sandbox.host}:{sandbox.ports['control']}"],
        env={**os.environ, "NODE_PATH": str(node_modules)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("ok ") == 21
