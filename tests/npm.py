"""Packages of Node that tests need: each folder brings its own package.json and lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.world import ROOT


def node_modules(folder: Path) -> Path:
    """The packages of a folder, installed once per lock file below var/. Without Node and npm the test is skipped, or
    fails where CI is set."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Node and npm are not installed.")
    lock = (folder / "package-lock.json").read_bytes()
    home = ROOT / "var" / folder.name / sha256(lock).hexdigest()[:16]
    if not home.exists():
        _install(folder, home)
    return home / "node_modules"


def _install(folder: Path, home: Path) -> None:
    """Install aside and rename, so that tests running at the same time never see half of it."""
    home.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=home.parent))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, aside)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=aside, check=True, capture_output=True, timeout=100)
    try:
        aside.rename(home)
    except OSError:  # another test was faster
        shutil.rmtree(aside)
