"""The command line: `anlan …`."""
