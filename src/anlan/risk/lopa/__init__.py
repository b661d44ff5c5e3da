"""Layers of protection: how often a consequence is met once its layers have had their chance, and how often a layer fails when it is asked.

Enters: YAML of an analysis or of a safety function. Leaves: frequencies before and after the layers beside the target, which layers are credited and
why the others are not, PFDavg and PFH with their band.

`pfd.py` one voted group of channels (IEC 61508-6 annex B) · `functions.py` a whole safety instrumented function from YAML · `bands.py` in
which band a figure lies, which is no statement of a SIL · `scenarios.py`, `layers.py` the analysis itself.
"""
