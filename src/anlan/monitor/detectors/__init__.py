"""Gas and fire detectors: what each is worth now, which vote is in force, and their calibration with as-found, as-left, T90 and certificate.

In: live values with their quality, the points' modes (`monitor.point_modes`), votes and points as configured. Out: the page 探测器, the
calibration record, and the answer "2oo3 → 1oo2, AT-203 校验中".
"""
