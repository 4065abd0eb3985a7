"""Where a demo lives: a folder under var/ with settings, database and files of its own. It never touches anything else."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sys
from pathlib import Path

from profiles.secrets import new_key

MARK = "SERVERSYNC_DEMO"
"""Set, to the folder, in the process that runs inside the demo's settings."""


class AlreadyRunning(Exception):
    """A demo lives in this folder now; `str()` says what to do."""


def is_inside(home: Path) -> bool:
    """Whether this process has the settings of the demo in `home`."""
    return os.environ.get(MARK) == str(home)


def start_inside(home: Path, root: Path) -> None:
    """Make an empty folder with new settings, and run this same command again with them. Does not return.

    Every setting that says where something is kept is given, so that none comes from the user's own file or shell.
    Raises AlreadyRunning when another demo lives there.
    """
    _lock(home)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
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


def _lock(home: Path) -> None:
    """One demo at a time: the lock is passed on to the program that takes this one's place, and ends with it."""
    home.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(home.parent / f"{home.name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise AlreadyRunning("A demo is running already. End it with Ctrl-C first.") from error
    os.set_inheritable(handle, True)
