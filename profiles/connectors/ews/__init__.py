"""Exchange Web Services: mail in and out of an Exchange mailbox, over exchangelib.

    session     one place that opens accounts: pinned version, credentials, connection pool, forks
    wire        HTTP below exchangelib: who may be reached, TLS, time and size limits, HTTP statuses
    operations  the EWS operations that are used: one request each, one result per item
    meanings    what Exchange's response codes mean, and the remedies
    errors      every failure, translated into the family of `base` (law 8)
    headers     a header block from what Exchange tells about an item
    mail        the MailSource
    filing      categories and folders of what the MailSource reads
    folders     which folders there are, which have changed, which are gone
    folder_operations  the EWS operations for them
    outbox      the Outbox
    autodiscover  which server has the mailbox of an address

No value of exchangelib leaves this package, and nothing imports the package before its first use.
"""
