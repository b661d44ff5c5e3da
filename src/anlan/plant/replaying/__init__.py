"""Replay of recorded data over a plant folder, and what another rule set would have made of it: `anlan replay`.

In: a plant folder, recorded files (CSV, Parquet), perhaps another rule set and a list of incidents. Out: transitions, a summary, a `ReplayedEffect`.
"""
