"""Paper: documents as values, printed as PDF, offline and with a font of their own (DOMAIN.md 18).

In: a `Document` (title, facts, tables, signatures) and who prints it when. Out: a PDF of A4 pages, each with page x/y, print time, site, who
printed, and a QR with the hash of the content; legible in black and white. The hash is over what is said, not over when or by whom it was
printed: the same facts printed again have the same hash. Typesetting runs in a process of its own, so that it takes nothing from the console.
"""
