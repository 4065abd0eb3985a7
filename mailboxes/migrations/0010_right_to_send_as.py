"""Administrators may send email as another user, where that user allows it (7.5)."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations


def grant(apps, schema_editor):
    alias = schema_editor.connection.alias
    create_permissions(installed.get_app_config("crm"), verbosity=0, using=alias, apps=apps)
    group = apps.get_model("auth", "Group").objects.using(alias).filter(name="administrator").first()
    if group is not None:
        permissions = apps.get_model("auth", "Permission").objects.using(alias)
        found = permissions.filter(content_type__app_label="crm", codename="send_as_others")
        group.permissions.add(*found.values_list("pk", flat=True))


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0009_outgoing_mail"),
        ("crm", "0006_outgoing_mail"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
