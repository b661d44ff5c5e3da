"""From a metric that crosses its limit to Alertmanager's webhook: Prometheus at its fastest sensible settings, on loopback, nothing else to do.

Scrapes and evaluations every second, `for: 0s`, Alertmanager without grouping delay. Each crossing comes at a random moment; the clock
stops when the webhook has been called with the alert as firing. The programs are Debian's.
"""

import http.server
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROUNDS = int(sys.argv[1])
PATIENCE = 60.0

LOW, HIGH = 60, 120
firing = threading.Event()
resolved = threading.Event()


class Plant(http.server.BaseHTTPRequestHandler):
    """Both ends: GET /metrics is the exporter, POST is Alertmanager's webhook."""

    level = LOW

    def do_GET(self):
        self._answer(f"# TYPE plant_temperature gauge\nplant_temperature {self.level}\n".encode())

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        (firing if told["status"] == "firing" else resolved).set()
        self._answer(b"")

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing to print."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configure(folder, plant, alerts):
    (folder / "rules.yml").write_text(
        "groups: [{name: plant, interval: 1s, rules: [{alert: Hot, expr: plant_temperature > 100, for: 0s}]}]\n"
    )
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerts}']}}]}}]}}\n"
        f"scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['127.0.0.1:{plant}']}}]}}]\n"
    )
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: us, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: us, webhook_configs: [{{url: 'http://127.0.0.1:{plant}/', send_resolved: true}}]}}]\n"
    )


def start(folder, alerts):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": (folder / "peers.log").open("ab"), "cwd": folder}
    manager = ["prometheus-alertmanager", "--config.file=alertmanager.yml", f"--storage.path={folder}/alerts"]
    manager += [f"--web.listen-address=127.0.0.1:{alerts}", "--cluster.listen-address="]
    prometheus = ["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    prometheus += [f"--web.listen-address=127.0.0.1:{free_port()}", "--rules.alert.resend-delay=1s"]
    return [subprocess.Popen(manager, **quiet), subprocess.Popen(prometheus, **quiet)]


def cross(chance):
    """Seconds from one crossing to the webhook; then everything is quiet again."""
    time.sleep(chance.uniform(0.5, 2.5))
    firing.clear()
    began = time.perf_counter()
    Plant.level = HIGH
    if not firing.wait(PATIENCE):
        raise SystemExit("no alert came")
    took = time.perf_counter() - began
    resolved.clear()
    Plant.level = LOW
    if not resolved.wait(PATIENCE):
        raise SystemExit("the alert did not end")
    return took


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plant)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="anlan-prometheus-") as name:
        folder, alerts = Path(name), free_port()
        configure(folder, server.server_address[1], alerts)
        running = start(folder, alerts)
        try:
            chance = random.Random(7)
            cross(chance)  # both are up and know each other
            spans = sorted(cross(chance) * 1e3 for _ in range(ROUNDS))
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
    quantiles = {f"p{q}_ms": round(spans[min(len(spans) - 1, len(spans) * q // 100)], 1) for q in (50, 99)}
    print(json.dumps({"events": ROUNDS, **quantiles, "cores": os.cpu_count()}))


main()
