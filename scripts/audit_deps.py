"""Whether a known vulnerability is in one of requirements.lock's libraries, by pip-audit; what could not be asked is never told as "none found".

    python scripts/audit_deps.py [--report FILE]

Exit: 0 every library was looked up and nothing is known, 1 something is known, 2 not every library could be looked up (no way to pypi.org or a
mirror without these data, which pip-audit itself lets pass).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PIP_AUDIT = "pip-audit==2.10.1"
SECONDS = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, help="a report that pip-audit has written (-f json), instead of asking now")
    args = parser.parse_args()
    try:
        report = json.loads(args.report.read_text("utf-8") if args.report else asked())
    except (ValueError, subprocess.TimeoutExpired) as problem:
        print(f"NOT AUDITED: pip-audit gave no answer: {problem}", file=sys.stderr)
        return 2
    return told(report["dependencies"])


def asked() -> str:
    uv = Path(sys.executable).parent / "uv"
    command = [uv, "tool", "run", PIP_AUDIT, "-r", ROOT / "requirements.lock", "--no-deps", "--disable-pip", "-f", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if not done.stdout.strip():
        raise ValueError(done.stderr.strip()[-500:] or f"exit {done.returncode}")
    return done.stdout


def told(libraries: list[dict[str, Any]]) -> int:
    unknown = [one["name"] for one in libraries if "skip_reason" in one]
    known = [(one["name"], one["version"], fault) for one in libraries for fault in one.get("vulns", [])]
    for name, version, fault in known:
        print(f"{name} {version}: {fault['id']}, mended in {', '.join(fault.get('fix_versions', [])) or 'no release'}")
    if unknown or not libraries:
        print(f"NOT AUDITED: {len(unknown)} of {len(libraries)} libraries could not be looked up", file=sys.stderr)
    else:
        print(f"{len(libraries)} libraries looked up, {len(known)} vulnerabilities known")
    return 1 if known else 2 if unknown or not libraries else 0


if __name__ == "__main__":
    raise SystemExit(main())
