"""Failure data: how often a class of equipment fails in a mode, from published sources, updated by this plant's own history.

    data/library.csv ──▶ prior ──┐
    failures, tests, demands ────┴─▶ posterior with its interval · a warning where plant and source contradict each other

`laws.py` gamma and beta, `update.py` the update and the test for conflict, `library.py` what is published, `store.py` what people enter,
`counts.py` what the node itself has counted.
"""
