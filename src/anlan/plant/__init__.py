"""The plant folder: a person's description of a plant, read, checked and kept as versions.

In: `plant.yaml` and `points.csv` (docs/plant-folder.md), plants' own point lists. Out: `Plant`, immutable; versions in the records with
author, reason and base; the numbers by which readings and alarms name things; the engine's columns and the drivers' tags.

    folder ─check─▶ findings      folder ─load─▶ Plant ─import_folder─▶ version ─compile─▶ engine, drivers
                                                                        version ─export─▶ folder
"""
