"""The nouns that every room shares. No I/O, no threads, and the only clock is `model.clock`.

In: nothing. Out: places and points, readings as columns, the quality word, units, frames of the log, events, the error tree.
"""
