"""`python -m anlan.sense.demo --run RUN [--scenario NAME] [--speed N] …`: what the node's supervisor starts."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import structlog

from anlan.model.errors import AnlanError
from anlan.sense.demo import wiring
from anlan.sense.demo.demo_plant import Play
from anlan.sense.demo.process import serve_until_signal
from anlan.sense.demo.scenario import DEFAULT_SPEED
from anlan.web.logs import configure


def main() -> int:
    given = _arguments()
    configure("demo")
    try:
        play = Play(given.scenario, given.speed, given.live)
        asyncio.run(serve_until_signal(given.run, play, plant=given.plant, port_base=given.port_base))
    except AnlanError as error:
        structlog.get_logger().error("demo plant stopped", code=error.code, why=str(error))
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m anlan.sense.demo")
    parser.add_argument("--run", type=Path, required=True, help="the node's run folder")
    parser.add_argument("--plant", type=Path, default=wiring.PLANT)
    parser.add_argument("--scenario", default="default")
    parser.add_argument("--speed", type=float, default=DEFAULT_SPEED)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--port-base", type=int, default=wiring.PORT_BASE)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
