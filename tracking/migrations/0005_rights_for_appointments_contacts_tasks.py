"""Administrators get the rights to what came with appointments, contacts and tasks."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

NEW = {
    "crm": ["fax", "letter", "phonecall"],
    "tracking": [
        "helddeletion",
        "heldwrite",
        "recycleditem",
        "syncattributemapping",
        "syncconflict",
        "syncfilter",
        "syncprogress",
    ],
}


def grant(apps, schema_editor):
    alias = schema_editor.connection.alias
    for label in NEW:
        create_permissions(installed.get_app_config(label), verbosity=0, using=alias, apps=apps)
    group = apps.get_model("auth", "Group").objects.using(alias).filter(name="administrator").first()
    if group is None:
        return
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    for label, models in NEW.items():
        group.permissions.add(
            *permissions.filter(content_type__app_label=label, content_type__model__in=models).values_list("pk", flat=True)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0007_synchronized_items"),
        ("mailboxes", "0008_rights_for_folder_hierarchies"),
        ("tracking", "0004_appointments_contacts_tasks"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
