"""From rows to the plain values that `access` and `eligibility` decide on."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from mailboxes.access import Connection, MailboxCredentials, Surroundings, access_for, autodiscover_access
from mailboxes.eligibility import LegFacts
from mailboxes.models import Leg, Mailbox, MailboxLeg
from profiles.items import Access, Tls
from profiles.models import EmailServerProfile

NO_TIMEOUT_SET = 30.0
LONGEST_WAIT = 40.0  # seconds; a lease lasts 45 s, so no single wait may be longer (law 6)


def access_to(mailbox: Mailbox, leg: Leg) -> Access:
    """How this leg reaches its server. Raises AccessIncomplete or KeyUnavailable."""
    connection, credentials, around = _parts(mailbox, leg)
    if connection.auto_discover:
        connection = replace(connection, discovered_url=discovered_url(mailbox, leg))
    return access_for(connection, credentials, leg == Leg.OUTGOING, around)


def access_to_autodiscover(mailbox: Mailbox, leg: Leg) -> Access | None:
    """How autodiscover is asked for the server of this leg; None where the profile names the server (2.7).

    Raises AccessIncomplete or KeyUnavailable."""
    connection, credentials, around = _parts(mailbox, leg)
    if not connection.auto_discover:
        return None
    return autodiscover_access(connection, credentials, leg == Leg.OUTGOING, around)


def _parts(mailbox: Mailbox, leg: Leg) -> tuple[Connection, MailboxCredentials, Surroundings]:
    profile = mailbox.email_server_profile
    assert profile is not None, "eligibility has seen to that"
    credentials = MailboxCredentials(
        mailbox.email_address,
        mailbox.allow_email_connector_to_use_credentials,
        mailbox.username,
        mailbox.password.reveal,
    )
    around = Surroundings(settings.ALLOWED_LOCAL_HOSTS, settings.MAIL_CA_FILE)
    return _connection(profile, leg == Leg.OUTGOING), credentials, around


def _connection(profile: EmailServerProfile, outgoing: bool) -> Connection:
    """2.8: outgoing mirrors incoming unless the profile says otherwise."""
    side = "outgoing" if outgoing and not profile.use_same_settings_for_outgoing_connections else "incoming"
    seconds = profile.timeout_mailbox_connection_after_amount / 1000
    port, tls = getattr(profile, f"{side}_port_number"), Tls(getattr(profile, f"{side}_tls"))
    if outgoing and side == "incoming" and not profile.is_exchange:
        # The same host and account, but a POP3 port never serves SMTP: the usual one of submission does (RFC 6409).
        port, tls = None, Tls.NONE if tls is Tls.NONE else Tls.STARTTLS
    return Connection(
        server_type=profile.server_type,
        location=getattr(profile, f"{side}_server_location"),
        port=port,
        tls=tls,
        retrieval=getattr(profile, f"{side}_credential_retrieval"),
        username=getattr(profile, f"{side}_username"),
        reveal_password=getattr(profile, f"{side}_password").reveal,
        impersonate=getattr(profile, f"{side}_use_impersonation"),
        timeout=min(seconds, LONGEST_WAIT) if profile.timeout_mailbox_connection else NO_TIMEOUT_SET,
        max_connections=profile.max_concurrent_connections,
        auto_discover=profile.use_auto_discover and profile.is_exchange,
    )


def discovered_url(mailbox: Mailbox, leg: Leg) -> str:
    """Where autodiscover found the server of this mailbox (2.7); "" while it has not."""
    found = MailboxLeg.objects.filter(mailbox_id=mailbox.pk, leg=leg).values_list("ews_url", flat=True)
    return found.first() or ""


def leg_facts(mailbox: Mailbox, leg: MailboxLeg) -> LegFacts:
    """What eligibility asks about one leg; select the mailbox with its profile, user and queue."""
    profile = mailbox.email_server_profile
    methods = {
        Leg.INCOMING: mailbox.incoming_email_delivery_method,
        Leg.OUTGOING: mailbox.outgoing_email_delivery_method,
        Leg.ACT: mailbox.act_delivery_method,
    }
    user, queue = mailbox.regarding_user, mailbox.regarding_queue
    return LegFacts(
        leg=leg.leg,
        method=methods[Leg(leg.leg)],
        enabled=leg.enabled,
        mailbox_active=mailbox.is_active,
        address=mailbox.email_address,
        has_profile=profile is not None,
        profile_active=profile is not None and profile.is_active,
        profile_is_exchange=profile is not None and profile.is_exchange,
        approval=mailbox.email_router_access_approval,
        belongs_to_user=user is not None,
        belongs_to_queue=queue is not None,
        owner_active=user is None or user.is_active,
    )
