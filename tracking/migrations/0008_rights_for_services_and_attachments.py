"""Administrators get the rights to service activities and to the files with appointments."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

NEW = ["appointmentattachment", "serviceappointment"]


def grant(apps, schema_editor):
    alias = schema_editor.connection.alias
    create_permissions(installed.get_app_config("crm"), verbosity=0, using=alias, apps=apps)
    group = apps.get_model("auth", "Group").objects.using(alias).filter(name="administrator").first()
    if group is not None:
        permissions = apps.get_model("auth", "Permission").objects.using(alias)
        group.permissions.add(
            *permissions.filter(content_type__app_label="crm", content_type__model__in=NEW).values_list("pk", flat=True)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0008_services_and_attachments"),
        ("tracking", "0007_service_activities"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
