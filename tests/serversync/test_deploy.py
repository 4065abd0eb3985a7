"""The container file without a container: what it copies is enough to collect the files, to migrate and to answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import migrated
from tests.worker import until
from tests.world import ROOT

pytestmark = [pytest.mark.own_database, pytest.mark.timeout(300)]
DOCKERFILE = (ROOT / "docs" / "deploy" / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the container file copies, and the files it collects."""
    folder = tmp_path_factory.mktemp("image")
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, folder / target)
    assert "SECRET_KEY=unused VAR_DIR=/tmp/build python manage.py collectstatic --noinput" in DOCKERFILE
    around = {"SECRET_KEY": "unused", "VAR_DIR": str(folder / "build")}
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput"], cwd=folder, env=around, check=True)
    return folder


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """What a container is started with; on its volume lies the database of an earlier one (test_demo begins with none)."""
    migrated.copy_to(tmp_path / "serversync.sqlite3")
    return {"SECRET_KEY": "x" * 50, "VAR_DIR": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def url(image: Path, around: dict[str, str]) -> Iterator[str]:
    """The console as the container file starts it, on a free port."""
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=image, env=around, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = json.loads(DOCKERFILE.splitlines()[-1].removeprefix("CMD "))
    assert words[0] == "gunicorn"
    words = [address if word == "0.0.0.0:8000" else word for word in words[1:]]
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", *words], cwd=image, env=around)
    try:
        until(lambda: answers(f"http://{address}/healthz"))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def read(address: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=10) as answer:
        return bytes(answer.read())


def answers(address: str) -> bool:
    try:
        return bool(read(address))
    except urllib.error.URLError:
        return False


def test_the_image_has_all_it_needs(url: str, image: Path, around: dict[str, str]) -> None:
    page = read(url + "/login/").decode()
    (style,) = re.findall(r'href="(/static/console\.[0-9a-f]+\.css)"', page)
    assert b".ss-page" in read(url + style)
    checked = subprocess.run([sys.executable, "manage.py", "health"], cwd=image, env=around, capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_nothing_else_is_sent_to_the_builder() -> None:
    allowed = (ROOT / "docs" / "deploy" / "Dockerfile.dockerignore").read_text().split()
    copied = {source for source, _ in re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE)}
    assert {word[1:] for word in allowed if word.startswith("!")} == copied
