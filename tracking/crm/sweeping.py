"""Sweeping blobs that nothing refers to, without ever losing one that is being stored at the same moment.

A file without a row is first renamed aside, and only removed by a later round, a day after that, if there still is no
row. `storage.read` looks aside too, and a round that finds a row again puts the file back: so a writer that saw the file
just before it was renamed loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.apps import apps
from django.core.files.storage import storages
from django.db.models import Exists, OuterRef

from tracking.crm.models import Blob
from tracking.crm.storage import ASIDE, DurableFileStorage

KEPT = timedelta(hours=24)


def sweep_blobs(now: datetime, kept: Collection[str] = ()) -> int:
    """Drop rows nobody refers to and files without a row, both older than a day; not those with the digests `kept`. Returns
    how many files were removed."""
    storage = storages["blobs"]
    if not isinstance(storage, DurableFileStorage):
        return 0
    _drop_rows(now, kept)
    return sum(_sweep_file(path, now) for path in _files(Path(storage.location)))


def _drop_rows(now: datetime, kept: Collection[str]) -> None:
    """Rows of blobs that no email, attachment or ledger row uses; PROTECT refuses the last doubt."""
    unused = Blob.objects.filter(created_on__lt=now - KEPT)
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.related_model is Blob:
                unused = unused.exclude(Exists(model._default_manager.filter(**{field.name: OuterRef("pk")})))
    for blob in unused.iterator():
        if blob.pk not in kept:
            blob.delete()


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.glob("??/??/*") if path.is_file())


def _sweep_file(path: Path, now: datetime) -> int:
    try:
        age = now.timestamp() - path.stat().st_mtime
    except FileNotFoundError:  # another host sweeps as well
        return 0
    digest = path.name.removesuffix(ASIDE)
    if age < KEPT.total_seconds():
        return 0
    if Blob.objects.filter(pk=digest).exists():
        if path.name.endswith(ASIDE):
            path.rename(path.with_name(digest))
        return 0
    if path.name.endswith(ASIDE) or path.name.startswith("."):
        path.unlink(missing_ok=True)
        return 1
    aside = path.rename(path.with_name(digest + ASIDE))
    aside.touch()  # its day begins now
    return 0
