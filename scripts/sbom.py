"""The bill of materials of a release, src/anlan/sbom.cdx.json (CycloneDX 1.6): every library of requirements.lock with its version, and what lies
in the program itself. The same lock gives the same bytes: no time, no serial number.

    python scripts/sbom.py [--out FILE]

What stands behind what is not in it (the lock is flat), nor what a wheel of another brings along: NiceGUI's scripts, SQLite in apsw, OpenSSL in
cryptography are versions of these wheels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[1]
BILL = ROOT / "src" / "anlan" / "sbom.cdx.json"
FONT = ROOT / "src" / "anlan" / "web" / "paper" / "data" / "NotoSansCJKsc-Regular-subset.otf"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=BILL)
    args = parser.parse_args()
    text = bill()
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"no CycloneDX 1.6: {wrong}")
    args.out.write_text(text, encoding="utf-8")
    return 0


def bill() -> str:
    found = generated()
    found["components"] = [*(component(one) for one in found["components"]), font()]
    found["metadata"]["component"]["bom-ref"] = "anlan"
    found["dependencies"] = [{"ref": "anlan", "dependsOn": [one["bom-ref"] for one in found["components"]]}]
    found["metadata"].pop("tools", None)  # its versions say nothing of the release
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def generated() -> dict[str, Any]:
    command = [
        *(Path(sys.executable).parent / "cyclonedx-py", "requirements", ROOT / "requirements.lock", "--pyproject", ROOT / "pyproject.toml"),
        *("--mc-type", "application", "--output-reproducible", "--of", "JSON", "--sv", "1.6"),
    ]  # fmt: skip
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def component(given: dict[str, Any]) -> dict[str, Any]:
    """By its name instead of its line, which another library moves."""
    return {key: given[key] for key in ("name", "purl", "type", "version")} | {"bom-ref": given["purl"]}


def font() -> dict[str, Any]:
    return {
        "bom-ref": "font",
        "type": "file",
        "name": FONT.name,
        "description": "subset of Noto Sans CJK SC (scripts/paper_font.py)",
        "hashes": [{"alg": "SHA-256", "content": sha256(FONT.read_bytes()).hexdigest()}],
        "licenses": [{"license": {"id": "OFL-1.1"}}],
    }


if __name__ == "__main__":
    raise SystemExit(main())
