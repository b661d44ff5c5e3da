"""Discrete Bayesian networks: read or converted from a tree, and asked what evidence says.

Enters: YAML, or a fault tree. Leaves: posteriors, the chance of the evidence, and what each finding moved. pyAgrum computes; nothing else here knows it.
"""
