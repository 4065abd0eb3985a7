"""Where blobs lie: files named by their SHA-256, durable before the transaction that refers to them commits (law 3)."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages

from tracking.crm.models.blobs import Blob

ASIDE = ".orphan"  # ending of files that nothing refers to, until they are removed


class DurableFileStorage(FileSystemStorage):
    """Files on a disk or a network file system: written aside, fsynced, renamed, directory fsynced."""

    def put(self, name: str, content: bytes) -> None:
        """Store `content` under `name`; after the return it survives a power cut. Storing it again changes nothing."""
        target = self.path(name)
        if _size_of(target) == len(content):
            _fsync_directory(os.path.dirname(target))  # whoever wrote it may have died between renaming and this
            return
        folder, own_name = os.path.split(target)
        _make_folder(folder)
        aside = os.path.join(folder, f".{own_name}.{secrets.token_hex(6)}")
        try:
            _write(aside, content)
            os.replace(aside, target)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        _fsync_directory(folder)


def _size_of(file: str) -> int | None:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return None


def _make_folder(folder: str) -> None:
    """Create a folder so that it survives a power cut: its name is durable once the folder around it is."""
    if os.path.isdir(folder):
        return
    around = os.path.dirname(folder)
    _make_folder(around)
    with suppress(FileExistsError):  # another worker was faster
        os.mkdir(folder)
    _fsync_directory(around)


def _write(file: str, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb", buffering=0) as opened:
        view = memoryview(content)
        while view:
            view = view[opened.write(view) :]
        os.fsync(descriptor)


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
    digest = digest_of(content)
    storage = storages["blobs"]
    if isinstance(storage, DurableFileStorage):
        storage.put(path_of(digest), content)
    elif not storage.exists(path_of(digest)):
        storage.save(path_of(digest), ContentFile(content))
    return Blob(digest=digest, size=len(content), created_on=now)


def read(digest: str) -> bytes:
    """The bytes of a blob. Raises FileNotFoundError when the file is missing."""
    storage, name = storages["blobs"], path_of(digest)
    if not storage.exists(name) and storage.exists(name + ASIDE):
        name += ASIDE
    with storage.open(name) as file:
        return bytes(file.read())
