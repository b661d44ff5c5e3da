"""The plant's own drawings: pictures that somebody brings, made harmless, kept by digest, placed points and places.

In: bytes of an SVG, PNG or JPEG file. Out: `Picture`, cleaned (`picture.py`, `svg.py`); rows of `plant_drawings` (`shelf.py`); the next version of
the plant (`service.py`). Cleaning twice gives the same bytes, so a folder that was exported comes in as what it was.
"""
