"""How the inner loops over diagrams are compiled (`monitor.compiled`): what Numba keeps of them is bound to all files of this folder."""

from anlan.monitor.compiled import compiled

NAMES = ("compiled", "tables", "bdd", "zbdd", "passes")
SOURCES = (*(f"risk/trees/diagrams/{name}.py" for name in NAMES), "monitor/compiled.py")

fast = compiled(SOURCES, inline=False)
"""Decorates a function of the inner loop."""
