"""2.6: the encryption of each direction gets a column; until now it followed from "use SSL" and the port."""

from django.db import migrations, models

EXCHANGE = (0, 2, 3)
MODES = [("implicit", "TLS from the start"), ("starttls", "STARTTLS"), ("none", "None (not encrypted)")]


def mode(exchange, side, use_ssl, port):
    """What the old columns meant."""
    if not use_ssl:
        return "none"
    if exchange:
        return "implicit"
    if side == "outgoing":
        return "implicit" if port == 465 else "starttls"
    return "starttls" if port == 110 else "implicit"


def to_modes(apps, schema_editor):
    profiles = apps.get_model("profiles", "EmailServerProfile").objects.using(schema_editor.connection.alias)
    for row in profiles.all():
        exchange = row.server_type in EXCHANGE
        row.incoming_tls = mode(exchange, "incoming", row.incoming_use_ssl, row.incoming_port_number)
        row.outgoing_tls = mode(exchange, "outgoing", row.outgoing_use_ssl, row.outgoing_port_number)
        row.save(update_fields=["incoming_tls", "outgoing_tls"])


def to_flags(apps, schema_editor):
    profiles = apps.get_model("profiles", "EmailServerProfile").objects.using(schema_editor.connection.alias)
    profiles.filter(incoming_tls="none").update(incoming_use_ssl=False)
    profiles.filter(outgoing_tls="none").update(outgoing_use_ssl=False)


def column(words):
    return models.CharField(choices=MODES, default="implicit", max_length=8, verbose_name=words)


class Migration(migrations.Migration):
    dependencies = [("profiles", "0002_lifecycle")]

    operations = [
        migrations.AddField("emailserverprofile", "incoming_tls", column("encryption on receive")),
        migrations.AddField("emailserverprofile", "outgoing_tls", column("encryption on send")),
        migrations.RunPython(to_modes, to_flags, elidable=True),
        migrations.RemoveField("emailserverprofile", "incoming_use_ssl"),
        migrations.RemoveField("emailserverprofile", "outgoing_use_ssl"),
    ]
