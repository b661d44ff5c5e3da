"""The safety system, read and never written (DOMAIN.md 9): what it was built to do, and what it does now.

In: the plant's section `safety` (causes and effects), live values, history, the records of approved bypasses. Out: the live cause-and-effect
matrix, the demand log with stroke times, the bypass wall. Nothing here has a way to a device.
"""
