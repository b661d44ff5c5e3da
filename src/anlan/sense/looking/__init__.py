"""Looking at a device before it is a source: what a server offers, what registers hold, what a broker sends.

In: an address that a person typed. Out: what was found there, as plain JSON. It only reads, keeps nothing but certificates that a person
confirmed, and runs in a process of its own (`process.py`), started when somebody looks: what a foreign device sends is taken apart neither in
the process that holds the records nor in the one that reads the plant.

    page, API ──▶ Looker (app) ══ lines of JSON ══▶ process ──▶ reach ──▶ opcua │ modbus │ mqtt ──▶ device
    anlan source browse │ scan │ listen ───────────────────────▶ the same, in the terminal's own process
"""
