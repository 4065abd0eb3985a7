"""What to ask of whoever runs the mail server: one sentence for each cause, naming exactly what is missing (3.10, 12.2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from profiles.connectors.base import Cause
from profiles.encryption import TLS_WORDS
from profiles.items import Access, Tls, Transport

OURS = frozenset(
    {
        Cause.SETTINGS,
        Cause.LOCAL_HOST,
        Cause.CA_FILE,
        Cause.UNENCRYPTED,
        Cause.NO_CREDENTIALS,
        Cause.CURSOR,
        Cause.OTHER,
    }
)
"""What only the people of this installation can mend; the remedy of the error says how."""
PROTOCOLS = {Transport.POP3: "POP3", Transport.SMTP: "authenticated SMTP", Transport.EWS: "Exchange Web Services"}
_REACH = "Please let us reach {protocol} at {host}, port {port}"
_FULL_ACCESS = (
    "Please give the account {username} full access to the mailbox {address} "
    '(Exchange: Add-MailboxPermission -Identity "{address}" -User "{username}" -AccessRights FullAccess).'
)

_SENTENCES = {
    Cause.DNS: "Please see that the name {host} leads to your mail server (an A or AAAA record), or tell us its name.",
    Cause.REFUSED_CONNECTION: f"{_REACH}: the port refuses connections, so the service may not run.",
    Cause.UNREACHABLE: f"{_REACH}: nothing answers there, so a firewall may be in between.",
    Cause.TIMEOUT: "Please see why {protocol} at {host}, port {port}, takes our connections but does not answer in time.",
    Cause.BROKEN_LINE: "Please see why {protocol} at {host}, port {port}, breaks our connections.",
    Cause.PORT: "Please tell us the port at which {host} speaks {protocol}: at {port} something else answers.",
    Cause.TLS_NAME: "Please give {host} a certificate that is valid for the name {host}, or tell us the name that "
    "its certificate bears.",
    Cause.TLS_CERTIFICATE: "Please give {host} a certificate of a public authority that is valid for the name {host}, "
    "or send us the certificate of your own authority.",
    Cause.TLS_MODE: "Please tell us which encryption {host} speaks on port {port}, or switch {mode} on there.",
    Cause.CREDENTIALS: "Please see that the account {username} is active, that its password is the one we have, and "
    "that it may use {protocol}.",
    Cause.ACCOUNT_DISABLED: "Please enable the account {username}, or name another one that we may use.",
    Cause.LOGIN_METHOD: "Please allow {username} to log in to {protocol} at {host} with its password (PLAIN or LOGIN).",
    Cause.PROTOCOL_DISABLED: "Please allow {protocol} for {username} at {host}.",
    Cause.IMPERSONATION: "Please give the account {username} the right to act as {address} (Exchange: "
    'New-ManagementRoleAssignment -Name "ServerSync" -Role ApplicationImpersonation -User "{username}").',
    Cause.FULL_ACCESS: _FULL_ACCESS,
    Cause.MAILBOX_MISSING: "Please tell us the primary address of the mailbox: {host} knows none named {address}.",
    Cause.WRONG_SERVER: "Please tell us the address at which {protocol} serve the mailbox {address}: {host} does not.",
    Cause.LICENCE: "Please assign a licence to the mailbox {address}.",
    Cause.FOLDER: "Please see whether the Inbox of {address} can be opened by {username}.",
    Cause.UNIQUE_IDS: "Please switch unique ids (UIDL) on for {protocol} at {host}, port {port}.",
    Cause.QUOTA: "Please give the mailbox {address} more room: it is full.",
    Cause.SEND_AS: "Please allow {username} to send as {address}.",
    Cause.RECIPIENT: "Please let {host} take mail from {username} for {address}: it refused that recipient.",
    Cause.TOO_MANY_RECIPIENTS: "Please raise the number of recipients that {host} takes in one message from {address}.",
    Cause.SIZE: "Please raise the largest message that {host} takes from {address}.",
    Cause.ITEM: "Please see why {host} refuses a message from {address} to itself; a filter may take it for unwanted mail.",
    Cause.BUSY: "Please let {username} connect to {host} more often, or with more connections at once.",
    Cause.SENDING_LIMIT: "Please raise the sending limit of the mailbox {address}.",
    Cause.SERVER: "Please see why {protocol} at {host}, port {port}, cannot serve {username} now.",
    Cause.SERVER_VERSION: "Please tell us the address of an Exchange server 2013 SP1 or newer that serves {address}: "
    "{host} is older.",
}
_BY_PROTOCOL = {
    (Transport.POP3, Cause.REFUSED_CONNECTION): "Please switch POP3 on at {host} and let us reach port {port} "
    "(Exchange: Set-Service MSExchangePOP3 -StartupType Automatic; Start-Service MSExchangePOP3).",
    (Transport.POP3, Cause.CREDENTIALS): "Please see that the account {username} is active and allow POP3 for it "
    '(Exchange: Set-CASMailbox -Identity "{address}" -PopEnabled $true).',
    (Transport.POP3, Cause.PROTOCOL_DISABLED): "Please allow POP3 for {username} "
    '(Exchange: Set-CASMailbox -Identity "{address}" -PopEnabled $true).',
    (Transport.SMTP, Cause.TLS_MODE): "Please offer {mode} on port {port} of {host}, with a certificate that is valid "
    "for the name {host}.",
    (
        Transport.SMTP,
        Cause.CREDENTIALS,
    ): "Please see that the account {username} is active and allow authenticated SMTP "
    'for it (Exchange Online: Set-CASMailbox -Identity "{address}" -SmtpClientAuthenticationDisabled $false).',
    (Transport.SMTP, Cause.PROTOCOL_DISABLED): "Please allow authenticated SMTP for {username} "
    '(Exchange Online: Set-CASMailbox -Identity "{address}" -SmtpClientAuthenticationDisabled $false).',
    (
        Transport.EWS,
        Cause.CREDENTIALS,
    ): "Please see that the account {username} is active and that Basic authentication "
    "is on for EWS (Set-WebServicesVirtualDirectory -BasicAuthentication $true).",
    (Transport.EWS, Cause.PROTOCOL_DISABLED): "Please allow {username} to use Exchange Web Services "
    '(Set-CASMailbox -Identity "{address}" -EwsEnabled $true).',
    (Transport.EWS, Cause.SEND_AS): "Please allow {username} to send as {address} "
    '(Add-RecipientPermission "{address}" -Trustee "{username}" -AccessRights SendAs).',
}


def request(cause: Cause, access: Access) -> str:
    """The sentence to pass on; "" where nothing has to be changed at the server."""
    sentence = _BY_PROTOCOL.get((access.transport, cause)) or _SENTENCES.get(cause, "")
    host, port, _ = server_of(access)
    return sentence.format(
        host=host,
        port=port,
        protocol=PROTOCOLS.get(access.transport, "mail"),
        mode=dict(TLS_WORDS)[access.tls.value] if access.tls is not Tls.NONE else "encryption",
        username=access.username or "this service",
        address=access.address,
    )


def server_of(access: Access) -> tuple[str, int, bool]:
    """Host, port, and whether the connection is encrypted."""
    if access.transport is not Transport.EWS:
        return access.host, access.port, access.tls is not Tls.NONE
    url = urlsplit(access.url)
    encrypted = url.scheme == "https"
    try:
        port = url.port
    except ValueError:
        port = None
    return url.hostname or access.url, port or (443 if encrypted else 80), encrypted
