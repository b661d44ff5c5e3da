"""Frozen events that cross rooms. Each carries two times: when it happened (data time) and when this node noticed it.

Events are rows first: they are read from the store that holds them, in order, by a reader that keeps its cursor with its effect.
"""
