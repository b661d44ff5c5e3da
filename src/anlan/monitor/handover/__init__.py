"""交接班: a shift is handed over at a post by a record that both sign.

    facts of the time since the last handover ──▶ draft ──outgoing signs──▶ offered ──incoming signs──▶ signed, for good
                      remarks, open items ──▶   ▲ └──────── withdrawn ◀────────┘ │
                                                └─────── open items carry over ◀─┘

In: what the journal, the records and the live state say; what the outgoing person adds. Out: a record with a hash over all of it, in records.db
beside its audit leaf; a paper; the next draft with the items that are still open. What cannot be read is unknown, and says so in the record.
A signed record is never changed: a correction is an addendum with a name of its own.
"""
