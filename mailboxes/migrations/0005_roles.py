"""The roles as groups: administrator, approver, mailbox owner, auditor. People add to them and take from them as they like."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

APPS = ["profiles", "mailboxes", "crm", "tracking", "auth"]
# Reading others' mail is granted to a person by a person, never by installing.
NEVER = {("crm", "read_others_mail")}
HEALTH = {
    ("mailboxes", "view_mailbox"),
    ("mailboxes", "view_mailboxleg"),
    ("mailboxes", "view_mailboxstatistics"),
    ("mailboxes", "view_tracelog"),
    ("mailboxes", "view_trial"),
    ("mailboxes", "view_pause"),
    ("mailboxes", "view_servercircuit"),
    ("tracking", "view_ledgerrow"),
    ("tracking", "view_ledgertotal"),
    ("tracking", "view_placement"),
}
APPROVAL = {("mailboxes", "view_mailbox"), ("mailboxes", "approve_address")}
# Users are made and edited by administrators; the console keeps them from accounts that may do more than theirs.
PEOPLE = {("auth", "view_user"), ("auth", "add_user"), ("auth", "change_user")}
# group → its permissions; None: everything of the product
ROLES = {"administrator": None, "approver": APPROVAL, "mailbox owner": set(), "auditor": HEALTH}


def install(apps, schema_editor):
    """Permissions are otherwise made after all migrations: here they are needed now."""
    for label in APPS:
        config = installed.get_app_config(label)
        create_permissions(config, verbosity=0, using=schema_editor.connection.alias, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(schema_editor.connection.alias)
    found = {
        (one.content_type.app_label, one.codename): one
        for one in permissions.filter(content_type__app_label__in=APPS).select_related("content_type")
    }
    product = {key for key in found if key[0] != "auth"} - NEVER | PEOPLE
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for name, keys in ROLES.items():
        group, created = groups.get_or_create(name=name)
        if created:
            group.permissions.set(found[key] for key in (product if keys is None else keys))


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0004_lifecycle"),
        ("profiles", "0002_lifecycle"),
        ("crm", "0003_lifecycle"),
        ("tracking", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Going back leaves the groups: people may have been put into them.
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
