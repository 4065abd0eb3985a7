from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "tracking.crm"
    label = "crm"
    verbose_name = "Records and activities"

    def ready(self) -> None:
        from tracking.crm.models import records

        records.register_addresses()
