"""Transitions a second that Alerta takes: alerts over its HTTP API, each with another severity than the last, on PostgreSQL.

Alerta's own model of ISA-18.2, its default plugins, gunicorn with four workers of two threads, eight connections that stay open; PostgreSQL as
Debian sets it, durable. A thousand alarms are raised first, outside the measurement; fewer than a plant has, which is generous. The
programs are PyPI's and Debian's.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

TRANSITIONS = int(sys.argv[1])
ALARMS = min(1_000, TRANSITIONS)
CONNECTIONS, WORKERS, THREADS = 8, 4, 2
PATIENCE = 120.0
AS_SERVER = {"user": "postgres"} if os.geteuid() == 0 else {}  # PostgreSQL refuses root


def programs():
    """The newest PostgreSQL of Debian."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        raise SystemExit("postgresql is not installed: make test-deps")
    return found[-1].parent


@contextlib.contextmanager
def database():
    """A cluster that listens on a Unix socket in its own folder; the URL of its database."""
    bin_folder = programs()
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/anlan-pg-XXXXXX"], text=True, **AS_SERVER).strip())
    folder.chmod(0o755)

    def run(program, *arguments):
        command = [bin_folder / program, "-D", folder / "data", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **AS_SERVER)

    try:
        run("initdb", "-U", "alerta", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        run("pg_ctl", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            subprocess.run([bin_folder / "createdb", "-h", folder, "-U", "alerta", "alerta"], check=True, **AS_SERVER)
            yield f"postgresql://alerta@/alerta?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def server(folder, url):
    """Alerta under gunicorn; its port."""
    (folder / "alertad.conf").write_text(
        "ALARM_MODEL = 'ISA_18_2'\nAUTH_REQUIRED = False\nSECRET_KEY = 'benchmark'\nDEBUG = False\n"
    )
    environment = os.environ | {"ALERTA_SVR_CONF_FILE": str(folder / "alertad.conf"), "DATABASE_URL": url, "DEBUG": "0"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Preloaded: each worker would make the tables anew, and lock them while others already serve.
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "--workers",
        str(WORKERS),
        "--threads",
        str(THREADS),
        "--keep-alive",
        "60",
    ]
    command += ["--bind", f"127.0.0.1:{port}", "alerta:create_app()"]
    with (folder / "alerta.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(port, process, folder / "alerta.log")
            yield port
        finally:
            process.terminate()
            process.wait(30)


def wait_for(port, process, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/management/healthcheck", timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit(f"Alerta did not answer: {log.read_text()[-2000:]}")


class Sender(threading.Thread):
    """One connection, its share of the alarms, in turn."""

    def __init__(self, port, alarms, rounds, severities):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.alarms, self.rounds, self.severities = alarms, rounds, severities
        self.moved, self.error = 0, None

    def run(self):
        try:
            for number in range(self.rounds):
                for alarm in self.alarms:
                    self.send(alarm, self.severities[number % 2])
        except Exception as error:
            self.error = error

    def send(self, alarm, severity):
        alert = {
            "resource": f"PI-{alarm:06}",
            "event": "HIGH",
            "environment": "Production",
            "service": ["U1"],
            "severity": severity,
        }
        body = json.dumps(alert | {"value": "95.0", "text": "above its limit", "correlate": []})
        self.connection.request("POST", "/alert", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {told}")
        self.moved += told["alert"]["severity"] == severity and told["alert"]["previousSeverity"] != severity


def send_all(port, rounds, severities):
    """Transitions and seconds."""
    senders = [Sender(port, range(n, ALARMS, CONNECTIONS), rounds, severities) for n in range(CONNECTIONS)]
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
        if sender.error:
            raise sender.error
    return sum(sender.moved for sender in senders), time.perf_counter() - began


def main():
    with tempfile.TemporaryDirectory(prefix="anlan-alerta-") as name, database() as url, server(Path(name), url) as port:
        send_all(port, 1, ("High", "High"))
        rounds = max(1, TRANSITIONS // ALARMS)
        moved, seconds = send_all(port, rounds, ("OK", "High"))
    if moved != rounds * ALARMS:
        raise SystemExit(f"{moved} of {rounds * ALARMS} alerts moved")
    print(json.dumps({"events": moved, "seconds": seconds, "rate": moved / seconds, "found": moved}))


main()
