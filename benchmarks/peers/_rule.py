"""The rule that every peer runs in Python: four limits with dead-band, on- and off-delay in data time."""

LIMITS = ((-1, 10.0), (-1, 20.0), (1, 80.0), (1, 90.0))
DEAD_BAND, DELAY = 2.0, 500_000


def step(state, reading):
    """One reading of one point; state: per limit (active, since µs or None)."""
    time_us, value = reading
    state = state or [(False, None)] * len(LIMITS)
    found, after = [], []
    for number, ((sign, limit), (active, since)) in enumerate(zip(LIMITS, state, strict=True)):
        distance = sign * (value - limit)
        wanted = distance >= (-DEAD_BAND if active else 0.0)
        if wanted == active:
            after.append((active, None))
        elif time_us - (time_us if since is None else since) >= DELAY:
            after.append((wanted, None))
            found.append((number, wanted, time_us))
        else:
            after.append((active, time_us if since is None else since))
    return after, found
