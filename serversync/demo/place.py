"""Where a demo lives: a folder under var/ with settings, database and files of its own. It never touches anything else."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path

from profiles.secrets import new_key

MARK = "SERVERSYNC_DEMO"
"""Set, to the folder, in the process that runs inside the demo's settings."""


class AlreadyRunning(Exception):
    """A demo lives in this folder now; `str()` says which process it is."""


def is_inside(home: Path) -> bool:
    """Whether this process has the settings of the demo in `home`."""
    return os.environ.get(MARK) == str(home)


def start_inside(home: Path, root: Path) -> None:
    """Make an empty folder with new settings, and run this same command again with them. Does not return.

    Every setting that says where something is kept is given, so that none comes from the user's own file or shell.
    Raises AlreadyRunning.
    """
    running = _running_in(home)
    if running:
        raise AlreadyRunning(f"A demo is running already (process {running}). End it with Ctrl-C first.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "pid").write_text(str(os.getpid()))
    values = settings_of(home)
    file = home / "env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    environment = os.environ | values | {"SERVERSYNC_ENV_FILE": str(file), MARK: str(home)}
    os.chdir(root)
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def settings_of(home: Path) -> dict[str, str]:
    """The settings of a demo in this folder."""
    return {
        "DEBUG": "1",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_KEYS": f"demo:{new_key()}",
        "ALLOWED_LOCAL_HOSTS": "127.0.0.1",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "VAR_DIR": str(home),
        "BLOB_DIR": str(home / "blobs"),
        "DATABASE_URL": f"sqlite:///{home / 'demo.sqlite3'}",
        "REDIS_URL": "",
        "MAIL_CA_FILE": "",
        "INSTANCE_ID": "demo",
        "LOG_LEVEL": "WARNING",
        "SECURE_COOKIES": "0",
        "BEHIND_TLS_PROXY": "0",
    }


def _running_in(home: Path) -> int:
    """The process that runs a demo in this folder, 0 if there is none."""
    try:
        process = int((home / "pid").read_text())
        os.kill(process, 0)
    except (OSError, ValueError):
        return 0
    return process if process != os.getpid() else 0
