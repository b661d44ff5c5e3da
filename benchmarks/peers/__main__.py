import sys

from benchmarks.peers import PACKAGES, REQUIREMENTS, install

for name in sys.argv[1:] or [*REQUIREMENTS, *PACKAGES]:
    install(name)
