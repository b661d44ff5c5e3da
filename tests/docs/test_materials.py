"""The bill of materials names what is installed, and an audit that could not ask says so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BILL = ROOT / "src" / "anlan" / "sbom.cdx.json"


@pytest.mark.slow
def test_the_bill_is_what_the_lock_makes(tmp_path: Path) -> None:
    """Written anew it is the same bytes; the script refuses what is no CycloneDX 1.6. After `make lock`, `make sbom`."""
    out = tmp_path / "bill.json"
    subprocess.run([sys.executable, ROOT / "scripts" / "sbom.py", "--out", out], check=True)
    assert out.read_bytes() == BILL.read_bytes()
    told = json.loads(out.read_bytes())["components"]
    locked = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert sorted((one["name"], one["version"]) for one in told if one["type"] == "library") == sorted(locked)
    font = next(one for one in told if one["type"] == "file")
    assert font["hashes"][0]["content"] == sha256((ROOT / "src/anlan/web/paper/data" / font["name"]).read_bytes()).hexdigest()


LOOKED_UP = {"name": "numpy", "version": "2.3.0", "vulns": []}
KNOWN = {"name": "old", "version": "1.0", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["1.1"]}]}
NOT_FOUND = {"name": "far", "skip_reason": "Dependency not found on PyPI and could not be audited: far (1.0)"}


@pytest.mark.parametrize(
    ("found", "exit_code", "says"),
    [
        ([LOOKED_UP], 0, "1 libraries looked up, 0 vulnerabilities known"),
        ([LOOKED_UP, KNOWN], 1, "old 1.0: CVE-2026-1, mended in 1.1"),
        ([LOOKED_UP, NOT_FOUND], 2, "NOT AUDITED: 1 of 2"),
        ([], 2, "NOT AUDITED: 0 of 0"),
    ],
)
def test_an_audit_that_could_not_ask_is_none(found: list[object], exit_code: int, says: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"dependencies": found}))
    command = [sys.executable, ROOT / "scripts" / "audit_deps.py", "--report", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, says in done.stdout + done.stderr) == (exit_code, True)
