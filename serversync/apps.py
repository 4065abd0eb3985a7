from auditlog.apps import AuditlogConfig
from django.apps import AppConfig


class ServerSyncConfig(AppConfig):
    name = "serversync"
    verbose_name = "ServerSync"


class ChangeHistoryConfig(AuditlogConfig):
    """The library's app under the name that people know it by; profiles/history.py says what it does here."""

    verbose_name = "Change history"
