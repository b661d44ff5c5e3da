"""The demo chemical works: a plant that speaks real protocols from loopback, so that a node has something true to watch.

In: a scenario, a speed, the demo plant folder. Out: an OPC UA server (the Tennessee Eastman process), two Modbus TCP servers (tanks
and detectors; the safety system) and an MQTT broker (people's tags, weather), each stamped with the wall time and played N times faster.
"""
