"""One running node: the rooms put together into processes that are started, watched and restarted.

supervisor ─┬─ core   log, engine, alarms.db, history        (node/core.py)
            ├─ sense  drivers                                 (node/sense.py)
            ├─ demo   the demo plant's devices, if asked for  (anlan.sense.demo)
            └─ app    rooms, API, console, records.db         (node/app.py)

They talk over one Unix socket that core serves; each store has one writing process. A console that hangs stops no alarm, and the
supervisor's watchdog sounds when core stops.
"""
