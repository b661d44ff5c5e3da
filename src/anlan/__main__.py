"""`python -m anlan` is `anlan`."""

from anlan.cli import main

main()
