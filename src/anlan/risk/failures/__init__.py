"""Failure data: how often a class of equipment fails in a mode, from published sources, updated by this plant's own history.

    data/library.csv ──▶ prior ──┐
    failures, tests, demands ────┴─▶ posterior with its interval · a warning where plant and source contradict each other

In: what people enter and `failures.csv` brings (in service, retired, tests, demands, failures), calibrations and strokes that the node saw. Out: of
each class and mode the published law and the updated one, with counts, remarks and conflict; `rates.py` hands either to whoever reads a study.

`laws.py` gamma and beta, `update.py` the update and the test for conflict, `library.py` what is published, `store.py` what people enter,
`counts.py` what the node itself has counted.
"""
