"""Anlan (安澜): the open platform of industrial work safety — sense, monitor, warn, respond, assess.

The rooms stand in the order in which data flows; a room imports only rooms above it (held by import-linter):
model, store, bus, guard, web, sense, monitor, then `plant` (the plant folder) and `node` (one running node), and `cli`.
"""

__version__ = "0.1.0"
