"""A small world of mail servers in one process: EWS, POP3 and SMTP faces over one in-memory store.

It exists for the demo, for the tests and for anybody who wants to rehearse a fault. A wall stands between it and the
product: neither imports the other, they meet on TCP ports only. Start it with `python -m serversync.sandbox`.
"""
