from django.apps import AppConfig


class ServerSyncConfig(AppConfig):
    name = "serversync"
    verbose_name = "ServerSync"
