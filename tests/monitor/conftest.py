"""The engine needs no fixtures; its helpers are plain modules beside the tests."""

import sys
from pathlib import Path

# importlib mode puts no test folder on the path, and these helpers belong to this room's tests alone.
sys.path.insert(0, str(Path(__file__).parent))
