"""Whether anything listens at an address, told so that a person knows what to mend: the name, the machine, the port, or the network."""

from __future__ import annotations

import asyncio
import socket

from anlan.sense.looking.requests import NotReached

SECONDS = 4.0


async def reach(host: str, port: int, seconds: float = SECONDS) -> None:
    """Open a connection and close it again. Raises NotReached."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as late:
        raise NotReached(
            "{where} does not answer within {seconds} s: is it switched on, is a firewall between?", where=where, seconds=seconds
        ) from late
    except socket.gaierror as unknown:
        raise NotReached("the name {host} is not known here: check the spelling, or give the IP address", host=host) from unknown
    except ConnectionRefusedError as refused:
        raise NotReached(
            "the machine {host} is there, but nothing listens at port {port}: check the port, and that its server runs",
            host=host,
            port=port,
        ) from refused
    except OSError as failed:
        raise NotReached(
            "{where} cannot be reached: {why}", where=where, why=failed.strerror or type(failed).__name__
        ) from failed
    writer.close()
