"""How processes of one node talk, and how a reader learns that there is something new to read.

In: a Unix socket. Out: requests, replies and pushes, each a JSON head and a binary body (Arrow IPC); the bus wakes readers and
carries live values that may be lost, while what must not be lost is read from the stores by position.
"""
