from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "profiles"
    verbose_name = "Servers"

    def ready(self) -> None:
        from profiles import history
        from profiles.models import EmailServerProfile

        history.connect()
        history.keep(EmailServerProfile)
