"""Where blobs lie: files named by their SHA-256, durable before the transaction that refers to them commits (law 3)."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from io import FileIO
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages

from tracking.crm.models.blobs import Blob

ASIDE = ".orphan"  # ending of files that nothing refers to, until they are removed


class DurableFileStorage(FileSystemStorage):
    """Files on a disk or a network file system: written aside, fsynced, renamed, directory fsynced."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Store each content under its name; after the return all of it survives a power cut. Storing it again changes
        nothing. Of a process that is killed in between, at most one file stays behind that nobody will look for."""
        changed: set[str] = set()
        for name, content in files.items():
            target = os.path.join(self.location, name)
            folder = os.path.dirname(target)
            changed.add(folder)  # also if the file is there: whoever put it there may have died before the fsync
            if _size_of(target) != len(content):
                changed |= _make_folder(folder)
                _write(target, content)
        for folder in changed:
            _fsync_directory(folder)

    def get(self, name: str) -> bytes:
        """What `put` has stored under this name. Raises FileNotFoundError."""
        with FileIO(os.path.join(self.location, name)) as file:
            return file.readall()


def _size_of(file: str) -> int | None:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return None


def _make_folder(folder: str) -> set[str]:
    """Create a folder and those around it. Returns the ones in which a new name has still to be made durable."""
    if os.path.isdir(folder):
        return set()
    around = os.path.dirname(folder)
    changed = _make_folder(around)
    with suppress(FileExistsError):  # another worker was faster
        os.mkdir(folder)
    return changed | {around}


def _write(target: str, content: bytes) -> None:
    """Write beside the target, fsync, then rename: nobody ever sees half a file under its name."""
    folder, name = os.path.split(target)
    aside = os.path.join(folder, f".{name}.{secrets.token_hex(6)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        with FileIO(descriptor, "wb") as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
            os.fsync(descriptor)
        os.replace(aside, target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _fsync_directory(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(content: bytes) -> str:
    """The name of a blob: its SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def path_of(digest: str) -> str:
    """`ab/cd/abcd…`"""
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def store(content: bytes, now: datetime) -> Blob:
    """Put the bytes where they last and give the unsaved row that protects them; save it in the transaction of its use."""
    return store_all([content], now)[0]


def store_all(contents: Sequence[bytes], now: datetime) -> list[Blob]:
    """The same for all contents of a batch, in their order."""
    digests = [digest_of(content) for content in contents]
    files = {path_of(digest): content for digest, content in zip(digests, contents, strict=True)}
    put_all(files)
    return [
        Blob(digest=digest, size=len(content), created_on=now)
        for digest, content in zip(digests, contents, strict=True)
    ]


def put_all(files: Mapping[str, bytes]) -> None:
    """Store each content under its name, where it is not yet; after the return all of it lasts."""
    storage = storages["blobs"]
    if isinstance(storage, DurableFileStorage):
        storage.put(files)
        return
    for name, content in files.items():
        if not storage.exists(name):
            storage.save(name, ContentFile(content))


def read(digest: str) -> bytes:
    """The bytes of a blob. Raises FileNotFoundError when the file is missing."""
    name = path_of(digest)
    try:
        return _content_of(name)
    except FileNotFoundError:
        if not storages["blobs"].exists(name + ASIDE):
            raise
    return _content_of(name + ASIDE)


def _content_of(name: str) -> bytes:
    storage = storages["blobs"]
    if isinstance(storage, DurableFileStorage):
        return storage.get(name)
    with storage.open(name) as file:
        return bytes(file.read())
