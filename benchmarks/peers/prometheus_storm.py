"""A storm through Prometheus and Alertmanager: so many series cross their limit within ten seconds, each at its own moment, and stay there.

Alertmanager tells in ten groups, those of the posts, at most once a second each; a webhook for every alarm alone would be slower. The clock
of an alarm starts at its crossing and stops when a webhook call first names it. Every alarm must come.
"""

import http.server
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from _prometheus import Plant, configure, free_port, running

ALARMS, SECONDS, POSTS = int(sys.argv[1]), 10.0, 10
PATIENCE = 120.0
LOW, HIGH = 60, 120


class Rising(Plant):
    crosses = None
    """Per series its moment; None while nothing crosses."""
    seen = {}  # noqa: RUF012
    warm = threading.Event()
    probe = LOW

    def metrics(self):
        now, crosses = time.perf_counter(), Rising.crosses
        levels = [HIGH if crosses and crosses[n] <= now else LOW for n in range(ALARMS)]
        lines = [f'plant_temperature{{point="{n}",post="{n * POSTS // ALARMS}"}} {level}\n' for n, level in enumerate(levels)]
        lines.append(f'plant_temperature{{point="probe",post="probe"}} {Rising.probe}\n')
        return ("# TYPE plant_temperature gauge\n" + "".join(lines)).encode()

    def alerts(self, told):
        now = time.perf_counter()
        for alert in told["alerts"]:
            point = alert["labels"]["point"]
            if point == "probe":
                Rising.warm.set()
            elif alert["status"] == "firing":
                Rising.seen.setdefault(int(point), now)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rising)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="anlan-prometheus-") as name:
        folder, alerts = Path(name), free_port()
        configure(folder, server.server_address[1], alerts, expression="plant_temperature > 100", group_by="post")
        with running(folder, alerts):
            Rising.probe = HIGH
            if not Rising.warm.wait(PATIENCE):  # both are up and know each other
                raise SystemExit("no alert came")
            chance, began = random.Random(7), time.perf_counter() + 1.0
            Rising.crosses = [began + chance.uniform(0, SECONDS) for _ in range(ALARMS)]
            deadline = began + SECONDS + PATIENCE
            while len(Rising.seen) < ALARMS and time.perf_counter() < deadline:
                time.sleep(0.1)
    if len(Rising.seen) < ALARMS:
        raise SystemExit(f"{ALARMS - len(Rising.seen)} of {ALARMS} alarms did not come within {PATIENCE} s")
    spans = sorted((Rising.seen[n] - Rising.crosses[n]) * 1e3 for n in range(ALARMS))
    quantiles = {f"p{q}_ms": round(spans[min(len(spans) - 1, len(spans) * q // 100)], 1) for q in (50, 99)}
    print(json.dumps({"events": ALARMS, **quantiles, "max_ms": round(spans[-1], 1)}))


main()
