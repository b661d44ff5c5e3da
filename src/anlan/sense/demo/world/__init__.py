"""The demo plant as it would behave, without any protocol: pure, seeded, stepped in plant time.

In: a scenario, the process's values, seconds of plant time. Out: the value of each point by its id, NaN where its transmitter has failed.
"""

from anlan.sense.demo.world.whole import Mark, World

__all__ = ["Mark", "World"]
