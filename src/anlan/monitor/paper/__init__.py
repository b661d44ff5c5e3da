"""Papers of the alarm room: the alarm journal of a period, the standing alarms, the list of bypasses and of what is out of evidence.

In: rows as API and console tell them, and as of when they are true. Out: a `web.paper` document. The same from a running console and, with the
node down, from the last state in its data folder; in both cases the paper says as of when.
"""
