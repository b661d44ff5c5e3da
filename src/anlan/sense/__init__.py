"""感知: devices in, readings out.

What enters: the bytes of industrial protocols, read by drivers found at the entry point `anlan.drivers`. What leaves: numbered
batches of readings and link states, through a `CoreLink` that the node fills. Nothing here ever writes to a device.
"""
