"""Figures anyone can rerun: `python -m benchmarks.NAME [--quick] --json` prints one JSON object a measure, one a line, last.

Each runs its peer beside us in the same run. docs/benchmarks.md is made from their output by `scripts/benchmark_page.py`.
Peers live in environments of their own under `.peers/NAME`, made by `python -m benchmarks.peers NAME`.
"""
