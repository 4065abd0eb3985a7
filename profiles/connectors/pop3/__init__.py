"""POP3: a small pipelining client, and the mail source over it."""
