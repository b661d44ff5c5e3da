"""From a metric that crosses its limit to Alertmanager's webhook: Prometheus at its fastest sensible settings, nothing else to do.

Alertmanager groups nothing. Each crossing comes at a random moment; the clock stops when the webhook has been called with the alert as
firing.
"""

import http.server
import json
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from _prometheus import Plant, configure, free_port, running

ROUNDS = int(sys.argv[1])
PATIENCE = 60.0

LOW, HIGH = 60, 120
firing = threading.Event()
resolved = threading.Event()


class OnePoint(Plant):
    level = LOW

    def metrics(self):
        return f"# TYPE plant_temperature gauge\nplant_temperature {self.level}\n".encode()

    def alerts(self, told):
        (firing if told["status"] == "firing" else resolved).set()


def cross(chance):
    """Seconds from one crossing to the webhook; then everything is quiet again."""
    time.sleep(chance.uniform(0.5, 2.5))
    firing.clear()
    began = time.perf_counter()
    OnePoint.level = HIGH
    if not firing.wait(PATIENCE):
        raise SystemExit("no alert came")
    took = time.perf_counter() - began
    resolved.clear()
    OnePoint.level = LOW
    if not resolved.wait(PATIENCE):
        raise SystemExit("the alert did not end")
    return took


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OnePoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="anlan-prometheus-") as name:
        folder, alerts = Path(name), free_port()
        configure(folder, server.server_address[1], alerts, expression="plant_temperature > 100", group_by="...")
        with running(folder, alerts):
            chance = random.Random(7)
            cross(chance)  # both are up and know each other
            spans = sorted(cross(chance) * 1e3 for _ in range(ROUNDS))
    quantiles = {f"p{q}_ms": round(spans[min(len(spans) - 1, len(spans) * q // 100)], 1) for q in (50, 99)}
    print(json.dumps({"events": ROUNDS, **quantiles, "cores": os.cpu_count()}))


main()
