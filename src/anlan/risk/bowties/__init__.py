"""Bow-ties: threats, barriers, the top event and its consequences, as one function of all that can fail.

Enters: YAML, with a fault tree in it or beside it. Leaves: the frequency of the top event and of each consequence, exact although barriers stand
on several paths; how healthy each barrier is by what the plant tells; what that moves, as a factor against the baseline.
"""
