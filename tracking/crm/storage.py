"""Where blobs lie: files named by their SHA-256, durable before the transaction that refers to them commits (law 3)."""

from __future__ import annotations

import hashlib
import os
import secrets
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
        target = Path(self.path(name))
        if target.exists() and target.stat().st_size == len(content):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
                os.fsync(file.fileno())
            os.replace(aside, target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _fsync_directory(target.parent)


def _fsync_directory(folder: Path) -> None:
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
