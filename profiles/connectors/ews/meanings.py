"""What Exchange's response codes mean for us: which error of the family of `base`, and what a person can do."""

from __future__ import annotations

from dataclasses import dataclass

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    Conflict,
    ConnectorError,
    FolderMissing,
    ItemRejected,
    MailboxUnavailable,
    ResyncRequired,
    Throttled,
    Transient,
)


class UnreadableAnswer(Transient):
    """The server answered, but failed over the request or sent what cannot be read: one item may be the cause of it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """An error of our family, a sentence, and a remedy in which {address}, {username} and {url} may stand."""

    kind: type[ConnectorError]
    sentence: str
    remedy: str = ""
    cause: Cause | None = None
    """Where the kind of error does not tell it."""


BUSY = Meaning(Throttled, "Exchange is busy and asks to come back later.")
PASSING = Meaning(Transient, "Exchange cannot do this at the moment.", cause=Cause.SERVER)
UNREADABLE = Meaning(UnreadableAnswer, "Exchange failed while it worked on the request.", cause=Cause.SERVER)
SIGN_IN = Meaning(
    AuthenticationFailed,
    "Exchange does not accept the user name or the password of {username}.",
    "Enter the credentials again; nothing is tried with the old ones any more. "
    "The account must be active, and Basic authentication must be on for EWS.",
)
DISABLED = Meaning(
    AuthenticationFailed,
    "The account {username} is disabled in Exchange.",
    "Have the account enabled, or enter another one; nothing is tried with this one any more.",
    cause=Cause.ACCOUNT_DISABLED,
)
EXPIRED = Meaning(
    AuthenticationFailed,
    "The password of {username} has expired.",
    "Set a new password and enter it here.",
)
NO_IMPERSONATION = Meaning(
    MailboxUnavailable,
    "The account {username} may not act as {address}.",
    "Give the account the role ApplicationImpersonation, in the Exchange Management Shell: "
    'New-ManagementRoleAssignment -Name "ServerSync" -Role ApplicationImpersonation -User "{username}".',
    cause=Cause.IMPERSONATION,
)
NO_MAILBOX = Meaning(
    MailboxUnavailable,
    "Exchange knows no mailbox {address}.",
    "Use the primary address of the mailbox, and a user principal name (not DOMAIN\\user) to sign in.",  # 2.9
    cause=Cause.MAILBOX_MISSING,
)
NO_ACCESS = Meaning(
    MailboxUnavailable,
    "{username} may not open this folder of {address}.",
    "Give the account access to the mailbox, in the Exchange Management Shell: "
    'Add-MailboxPermission -Identity "{address}" -User "{username}" -AccessRights FullAccess.',
    cause=Cause.FULL_ACCESS,
)
NO_FOLDER = Meaning(
    FolderMissing,
    "The folder is not in the mailbox {address} any more.",
    "Choose another folder, or stop tracking this one.",
    cause=Cause.FOLDER,
)
WRONG_SERVER = Meaning(
    MailboxUnavailable,
    "The mailbox {address} is not served at {url}.",
    "Correct the EWS address of the server profile.",  # 2.7
    cause=Cause.WRONG_SERVER,
)
OLD_SERVER = Meaning(
    MailboxUnavailable,
    "The server is too old: Exchange 2013 SP1 or newer is needed.",
    "Correct the EWS address of the server profile, or update the server.",
    cause=Cause.SERVER_VERSION,
)
BLOCKED = Meaning(
    MailboxUnavailable,
    "Exchange does not let {username} use EWS.",
    "Switch EWS on for the mailbox and allow this application (Set-CASMailbox -EwsEnabled); it takes up to two hours.",
    cause=Cause.PROTOCOL_DISABLED,
)
NO_LICENSE = Meaning(
    MailboxUnavailable,
    "The mailbox {address} has no Exchange licence.",
    "Assign a licence to the mailbox.",
    cause=Cause.LICENCE,
)
BAD_ITEM = Meaning(ItemRejected, "Exchange refused this item.")
NO_ITEM = Meaning(ItemRejected, "The item is not there any more.")
TOO_LARGE = Meaning(
    ItemRejected,
    "The message is larger than Exchange takes.",
    "Send smaller attachments, or raise the message size limit of Exchange.",
    cause=Cause.SIZE,
)
BAD_RECIPIENT = Meaning(
    ItemRejected,
    "Exchange does not accept a recipient of this message.",
    "Correct the addresses of the message.",
    cause=Cause.RECIPIENT,
)
NO_SEND_AS = Meaning(
    ItemRejected,
    "{address} may not send in the name that is in From.",
    'Give the right to send, in the Exchange Management Shell: Add-RecipientPermission "SENDER" '
    '-Trustee "{address}" -AccessRights SendAs; or Set-Mailbox "SENDER" -GrantSendOnBehalfTo @{{Add="{address}"}}.',  # 7.6
    cause=Cause.SEND_AS,
)
CHANGED = Meaning(Conflict, "The item was changed in Exchange in the meantime.")
LOST_STATE = Meaning(ResyncRequired, "Exchange no longer knows our synchronization state of the folder.")
MAILBOX_FULL = Meaning(
    Transient,
    "The mailbox {address} is full.",
    "Make room in the mailbox or raise its quota; what waits is sent then.",  # 7.3
    cause=Cause.QUOTA,
)
SENDING_LIMIT = Meaning(
    Throttled,
    "The mailbox {address} has reached its sending limit.",
    "Nothing needs to be done: what waits is sent when Exchange allows it again.",  # 7.10
    cause=Cause.SENDING_LIMIT,
)

MEANINGS: dict[Meaning, tuple[str, ...]] = {
    BUSY: (
        "ErrorServerBusy",
        "ErrorExceededConnectionCount",
        "ErrorExceededFindCountLimit",
        "ErrorTooManyObjectsOpened",
        "ErrorInsufficientResources",
    ),
    PASSING: (
        "ErrorTimeoutExpired",
        "ErrorInternalServerTransientError",
        "ErrorConnectionFailed",
        "ErrorADUnavailable",
        "ErrorADOperation",
        "ErrorMailboxStoreUnavailable",
        "ErrorMailboxMoveInProgress",
        "ErrorMailboxFailover",
        "ErrorBatchProcessingStopped",
    ),
    UNREADABLE: ("ErrorInternalServerError",),
    DISABLED: ("ErrorAccountDisabled",),
    EXPIRED: ("ErrorPasswordExpired", "ErrorPasswordChangeRequired"),
    NO_IMPERSONATION: (
        "ErrorImpersonateUserDenied",
        "ErrorImpersonationDenied",
        "ErrorImpersonationFailed",
    ),
    NO_MAILBOX: (
        "ErrorNonExistentMailbox",
        "ErrorInvalidSmtpAddress",
        "ErrorMailboxConfiguration",
        "ErrorInvalidExchangeImpersonationHeaderData",
    ),
    NO_LICENSE: ("ErrorInvalidLicense",),
    NO_ACCESS: ("ErrorAccessDenied", "ErrorCreateItemAccessDenied"),
    NO_FOLDER: ("ErrorFolderNotFound", "ErrorInvalidFolderId"),
    WRONG_SERVER: ("ErrorCrossSiteRequest", "ErrorProxyRequestNotAllowed", "ErrorNoRespondingCASInDestinationSite"),
    OLD_SERVER: (
        "ErrorInvalidServerVersion",
        "ErrorIncorrectSchemaVersion",
        "ErrorInvalidSchemaVersionForMailboxVersion",
    ),
    NO_ITEM: ("ErrorItemNotFound",),
    BAD_ITEM: (
        "ErrorCorruptData",
        "ErrorItemCorrupt",
        "ErrorItemSave",
        "ErrorMimeContentConversionFailed",
        "ErrorMimeContentInvalid",
        "ErrorMimeContentInvalidBase64String",
        "ErrorSchemaValidation",
        "ErrorInvalidPropertySet",
        "ErrorInvalidPropertyRequest",
        "ErrorInvalidRequest",
        "ErrorCannotDeleteObject",
        "ErrorMessageDispositionRequired",
        *("ErrorPropertyValidationFailure", "ErrorPropertyUpdate", "ErrorItemSavePropertyError", "ErrorTimeZone"),
        *("ErrorInvalidValueForProperty", "ErrorRequiredPropertyMissing", "ErrorValueOutOfRange"),
        *("ErrorInvalidExtendedPropertyValue", "ErrorInvalidPercentCompleteValue", "ErrorInvalidCompleteDate"),
        *("ErrorInvalidPhoneNumber", "ErrorInvalidContactEmailAddress", "ErrorInvalidContactEmailIndex"),
        *("ErrorInvalidTimeInterval", "ErrorUnsupportedRecurrence", "ErrorDataSizeLimitExceeded"),
        *("ErrorCannotOpenFileAttachment", "ErrorInvalidAttachmentId", "ErrorContentConversionFailed"),
        *("ErrorVirusDetected", "ErrorVirusMessageDeleted"),
    ),
    TOO_LARGE: ("ErrorMessageSizeExceeded", "ErrorAttachmentSizeLimitExceeded"),
    BAD_RECIPIENT: ("ErrorInvalidRecipients", "ErrorMissingRecipients", "ErrorMailRecipientNotFound"),
    NO_SEND_AS: ("ErrorSendAsDenied",),
    CHANGED: (
        "ErrorIrresolvableConflict",
        "ErrorChangeKeyRequired",
        "ErrorChangeKeyRequiredForWriteOperations",
        "ErrorStaleObject",
        "ErrorInvalidChangeKey",
    ),
    LOST_STATE: ("ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound"),
    MAILBOX_FULL: ("ErrorQuotaExceeded",),
    SENDING_LIMIT: ("ErrorSubmissionQuotaExceeded",),
}
BY_CODE = {code: meaning for meaning, codes in MEANINGS.items() for code in codes}
BY_PREFIX = {
    "ErrorCalendar": BAD_ITEM,
    "ErrorInvalidId": BAD_ITEM,
    "ErrorOccurrence": BAD_ITEM,
    "ErrorRecurrence": BAD_ITEM,
}
BY_STATUS = {
    401: SIGN_IN,
    403: BLOCKED,
    404: WRONG_SERVER,
    405: WRONG_SERVER,
    413: TOO_LARGE,
    429: BUSY,
    500: UNREADABLE,
}


def of_code(code: str) -> Meaning:
    """The meaning of a response code. An unknown one may pass, so nothing is given up because of it."""
    by_prefix = (meaning for prefix, meaning in BY_PREFIX.items() if code.startswith(prefix))
    return BY_CODE.get(code) or next(by_prefix, PASSING)


def of_status(status: int, told_to_wait: bool) -> Meaning:
    """The meaning of an HTTP status. A server error with a delay is a server that is busy."""
    if 300 <= status < 400:
        return WRONG_SERVER
    if status >= 500 and told_to_wait:
        return BUSY
    return BY_STATUS.get(status, PASSING)
