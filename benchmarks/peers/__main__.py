import sys

from benchmarks.peers import REQUIREMENTS, install

for name in sys.argv[1:] or REQUIREMENTS:
    install(name)
