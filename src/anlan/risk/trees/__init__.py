"""Fault and event trees: read, checked, turned into decision diagrams, and asked."""
