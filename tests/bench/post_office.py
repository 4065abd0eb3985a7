"""Settings for the one rival that keeps a row per mail: the product's, with django-post-office beside it."""

from __future__ import annotations

from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, LOGGING

INSTALLED_APPS = [*INSTALLED_APPS, "post_office"]
EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST = "127.0.0.1"
LOGGING["loggers"] = LOGGING.get("loggers", {}) | {
    "post_office": {"handlers": [], "level": "ERROR", "propagate": False}
}
POST_OFFICE: dict[str, Any] = {"BATCH_SIZE": 100, "LOG_LEVEL": 0, "MESSAGE_ID_ENABLED": True}
