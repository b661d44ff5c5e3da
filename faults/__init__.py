"""Faults injected into the running thing, and what must hold all the same: nothing acknowledged lost, nothing repeated, nothing made up.

Each module is one kind of fault: `python -m faults.NAME --rounds N --json` prints one object as its last line and exits 1 when
anything was violated. `--plant BUG` breaks the product on purpose; the checker must then fail, or it proves nothing.
"""
