"""The others, each in an environment of its own under `.peers/NAME`, so that none of them limits our dependencies.

`python -m benchmarks.peers flink bytewax` installs them (apache-flink also needs a Java runtime). A peer script prints one JSON object
{"events", "seconds", "rate", "found"} last; its clock starts after warm-up and leaves out the start of its runtime.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = {"flink": ["apache-flink==2.3.0"], "bytewax": ["bytewax==0.21.1", "numpy"]}


def run_peer(name: str, events: int) -> float | None:
    """Events a second of one run; None, said on stderr, when the peer is not installed or fails."""
    python = ROOT / ".peers" / name / "bin" / "python"
    if not python.exists():
        sys.stderr.write(f"peer {name} is not installed: python -m benchmarks.peers {name}\n")
        return None
    script = Path(__file__).parent / f"{name}_limits.py"
    done = subprocess.run([python, script, str(events)], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        sys.stderr.write(f"peer {name} failed: {done.stderr[-2000:]}\n")
        return None
    return float(json.loads(done.stdout.strip().splitlines()[-1])["rate"])


def install(name: str) -> None:
    """Make `.peers/NAME` with the interpreter that runs this."""
    folder = ROOT / ".peers" / name
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *REQUIREMENTS[name]], check=True)
