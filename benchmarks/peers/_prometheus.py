"""Prometheus and Alertmanager of Debian at their fastest sensible settings, on loopback: scrapes and evaluations every second, `for: 0s`,
Alertmanager without grouping delay."""

import http.server
import json
import socket
import subprocess
from contextlib import contextmanager, suppress


class Plant(http.server.BaseHTTPRequestHandler):
    """Both ends: GET /metrics is the exporter, POST is Alertmanager's webhook. A benchmark says what they do."""

    def metrics(self):
        raise NotImplementedError

    def alerts(self, told):
        raise NotImplementedError

    def do_GET(self):
        self._answer(self.metrics())

    def do_POST(self):
        self.alerts(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(b"")

    def _answer(self, body):
        with suppress(BrokenPipeError, ConnectionResetError):  # a scrape that was given up
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


def configure(folder, plant, alerts, *, expression, group_by):
    (folder / "rules.yml").write_text(
        f"groups: [{{name: plant, interval: 1s, rules: [{{alert: Hot, expr: {expression}, for: 0s}}]}}]\n"
    )
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerts}']}}]}}]}}\n"
        f"scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['127.0.0.1:{plant}']}}]}}]\n"
    )
    (folder / "alertmanager.yml").write_text(
        f"route: {{receiver: us, group_by: ['{group_by}'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n"
        f"receivers: [{{name: us, webhook_configs: [{{url: 'http://127.0.0.1:{plant}/', send_resolved: true}}]}}]\n"
    )


@contextmanager
def running(folder, alerts):
    """Both programs, for the time of a block; the port of Prometheus."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": (folder / "peers.log").open("ab"), "cwd": folder}
    manager = ["prometheus-alertmanager", "--config.file=alertmanager.yml", f"--storage.path={folder}/alerts"]
    manager += [f"--web.listen-address=127.0.0.1:{alerts}", "--cluster.listen-address="]
    port = free_port()
    prometheus = ["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    prometheus += [f"--web.listen-address=127.0.0.1:{port}", "--rules.alert.resend-delay=1s"]
    started = [subprocess.Popen(manager, **quiet), subprocess.Popen(prometheus, **quiet)]
    try:
        yield port
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
