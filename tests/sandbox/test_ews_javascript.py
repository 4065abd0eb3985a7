"""The EWS face must satisfy a client of another family: npm's ews-javascript-api, run by Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.world import SandboxProcess

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "tests" / "ews_javascript"

pytestmark = pytest.mark.debian


@pytest.fixture
def node_modules() -> Path:
    """The script's packages, installed once per lock file below var/."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("Node and npm are missing.")
        pytest.skip("Node and npm are not installed.")
    lock = (SCRIPT / "package-lock.json").read_bytes()
    home = ROOT / "var" / "ews_javascript" / sha256(lock).hexdigest()[:16]
    if not home.exists():
        install(home)
    return home / "node_modules"


def install(home: Path) -> None:
    """Install aside and rename, so that tests running at the same time never see half of it."""
    home.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=home.parent))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SCRIPT / name, aside)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=aside, check=True, capture_output=True, timeout=100)
    try:
        aside.rename(home)
    except OSError:  # another test was faster
        shutil.rmtree(aside)


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
    assert run.stdout.count("ok ") == 15
