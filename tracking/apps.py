from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "Tracking"

    def ready(self) -> None:
        from profiles import history
        from tracking.keep.act import departures
        from tracking.models import MailboxTrackingFolder, TrackingExclusion

        history.keep(MailboxTrackingFolder, leave_out=["folder_onboarding_status"])
        history.keep(TrackingExclusion, leave_out=["created_on"])
        departures.connect()
