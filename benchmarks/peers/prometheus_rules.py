"""Readings a second that Prometheus scrapes and evaluates every second without falling behind, with as many of our kinds as PromQL can say.

One target with so many series, each scraped every second; one group a rule, so that they run beside one another. Of every series: four
limits with `for: 2s`, silence, rate of change, frozen, time in state, count, a condition on the mean. Of every second one: deviation and
discrepancy against its neighbour, suppression; of every third a two-of-three vote. PromQL says no dead-band and no bad quality. Windows are 60 s.

The number of series grows step by step, with every window full before a step is judged: it is kept when within the judged time no
iteration of a rule was missed and what was scraped is there. The figure is the most that was kept; "most" is the last step there is. The
program is Debian's.
"""

import http.server
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from _prometheus import Plant, free_port

QUICK = bool(int(sys.argv[1]))
STEPS = (500, 1_000) if QUICK else (2_000, 4_000, 7_000, 10_000, 14_000, 20_000, 30_000, 45_000, 70_000, 100_000)
FILL, JUDGED = (5, 5) if QUICK else (65, 20)
"""s until every window is full, and for which it is watched then."""
VARIANTS = 7
PATIENCE = 60.0
RULES = {
    "LL": "v <= 10",
    "L": "v <= 20",
    "H": "v >= 80",
    "HH": "v >= 90",
    "STALE": "time() - timestamp(v) > 3",
    "ROC": "abs(delta(v[60s])) / 60 >= 0.5",
    "DEV": 'abs(v{side="a"} - on(pair) v{side="b"}) >= 30',
    "FRZ": "max_over_time(v[60s]) - min_over_time(v[60s]) <= 0",
    "DIS": '(v{side="a"} > bool 75) != on(pair) (v{side="b"} > bool 75)',
    "VOTE": "count by (trio) (v >= 80) >= 2",
    "IF": "avg_over_time(v[60s]) > 70",
    "SUP": 'v{side="a"} >= 80 unless on(pair) v{side="b"} > 75',
}


class Prepared(Plant):
    """Writing what it tells takes no part in what is measured."""

    bodies = (b"",)
    count = 0

    def metrics(self):
        Prepared.count += 1
        return Prepared.bodies[Prepared.count % len(Prepared.bodies)]


def prepared(series):
    lines = []
    for variant in range(VARIANTS):
        rows = [
            f'v{{p="{n:06}",pair="{n // 2}",side="{"ab"[n % 2]}",trio="{n // 3}"}} {42 + n % 7 + (n * 31 + variant * 17) % 100 / 50:.2f}\n'
            for n in range(series)
        ]
        lines.append(("# TYPE v gauge\n" + "".join(rows)).encode())
    return tuple(lines)


def configure(folder, plant):
    groups = [
        f"- {{name: {name}, interval: 1s, rules: [{{alert: {name}, expr: '{expression}', for: 2s}}]}}\n"
        for name, expression in RULES.items()
    ]
    groups.append("- {name: TIS, interval: 1s, rules: [{alert: TIS, expr: v > 70, for: 10s}]}\n")
    count = "{record: above, expr: v > bool 70}, {alert: CNT, expr: 'changes(above[60s]) / 2 >= 3', for: 2s}"
    groups.append(f"- {{name: CNT, interval: 1s, rules: [{count}]}}\n")
    (folder / "rules.yml").write_text("groups:\n" + "".join(groups))
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
        f"scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['127.0.0.1:{plant}']}}]}}]\n"
    )


def start(folder, port):
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(folder / "prometheus.log").open("wb"), cwd=folder)


def told(port):
    """Iterations of all rules that were run and missed, evaluations that failed."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()

    def total(name):
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))

    return {
        "iterations": total("prometheus_rule_group_iterations_total"),
        "missed": total("prometheus_rule_group_iterations_missed_total"),
        "failed": total("prometheus_rule_evaluation_failures_total"),
    }


def scraped(port, seconds):
    """Scrapes of the target within the last `seconds` that succeeded, and how many samples the last one brought."""
    found = []
    for query in (f"sum_over_time(up[{seconds}s])", "scrape_samples_scraped"):
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(query)}"
        result = json.load(urllib.request.urlopen(url, timeout=30))["data"]["result"]
        found.append(float(result[0]["value"][1]) if result else 0.0)
    return found


def kept(port, series):
    """Whether this many are kept up with, once every window holds them."""
    Prepared.bodies = prepared(series)
    time.sleep(FILL)
    before = told(port)
    time.sleep(JUDGED)
    after = told(port)
    if after["failed"] > 0:
        raise SystemExit("a rule could not be evaluated")
    up, samples = scraped(port, JUDGED)
    iterations = after["iterations"] - before["iterations"]
    whole = iterations >= (JUDGED - 1) * (len(RULES) + 2)
    return after["missed"] == before["missed"] and whole and up >= JUDGED - 1 and samples == series


def wait_until_up(port):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("Prometheus did not answer")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prepared)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, best = free_port(), None
    with tempfile.TemporaryDirectory(prefix="anlan-prometheus-", ignore_cleanup_errors=True) as name:
        configure(Path(name), server.server_address[1])
        process = start(Path(name), port)
        try:
            wait_until_up(port)
            for series in STEPS:
                if not kept(port, series):
                    break
                best = series
        finally:
            process.terminate()
            process.wait()
    if best is None:
        raise SystemExit(f"not even {STEPS[0]} series were kept up with")
    print(json.dumps({"events": best * JUDGED, "seconds": JUDGED, "rate": best, "found": None, "most": STEPS[-1]}))


main()
