"""The node's three stores: the log (one ordered input), the history (all readings), the records (everything with a name).

In: frames, readings, typed rows. Out: the same, durable, by position, time or key. Each store has one writing process; others open
it to read. `log` and `history` know nothing of alarms; rooms define their own record tables in their `records.py`.
"""
