"""Fault and event trees: read, checked, turned into decision diagrams, and asked.

Enters: Open-PSA XML or YAML. Leaves: probabilities, minimal cut sets, importance, uncertainty, sequences, each with its method and, where it is not
exact, its bound.
"""
