"""Placements are found by their keys without reading the whole folder."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0005_rights_for_appointments_contacts_tasks")]

    operations = [
        migrations.RemoveConstraint(model_name="placement", name="placement_once"),
        migrations.AddConstraint(
            model_name="placement",
            constraint=models.UniqueConstraint(
                fields=("mailbox", "folder", "server_key", "epoch"), name="placement_once"
            ),
        ),
    ]
