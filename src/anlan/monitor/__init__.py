"""监测: the engine that decides alarms, its journal, and the live state of every point.

In: frames of the log (readings, commands, configuration, ticks). Out: transitions and standing alarms in `alarms.db`, live values
with their effective quality, results of commands.

    config     what an alarm is, as a person writes it             compile   rules of a whole plant as columns, and as the kernel's arrays
    states     ISA-18.2's state table, laid out whole              kernel    one pass over readings or points, compiled
    engine     step(frame) → transitions: pure, no clock, no I/O   changes   a new configuration while alarms stand
    commands   a person's step and its answer                      snapshot  the engine's state as a file that survives a crash
    journal    alarms.db                                           reader    the thread that recovers, steps, commits and tells
"""
