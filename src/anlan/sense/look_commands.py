"""`anlan source browse | scan | listen`: the looks of the page Start, in a terminal. They read and keep nothing but a confirmed certificate."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    from anlan.model.errors import InputError
    from anlan.sense.looking.requests import Look

Data = Annotated[Path, typer.Option(help="The node's folder, for its certificates.")]
AsJson = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


def browse(
    url: Annotated[str, typer.Argument(help="opc.tcp://host:port/path")],
    node: Annotated[str, typer.Option(help="Where to look, as ns=2;s=Tanks; without it, from the top.")] = "",
    endpoints: Annotated[bool, typer.Option("--endpoints", help="Only what security the server offers.")] = False,
    trust: Annotated[
        str, typer.Option(metavar="SHA256", help="Trust the certificate with this fingerprint, if the server shows it.")
    ] = "",
    security: Annotated[str, typer.Option(help="`none` to look without certificates.")] = "Basic256Sha256",
    data: Data = Path(),
    as_json: AsJson = False,
) -> None:
    """One level of an OPC UA server: its folders, and its variables with type and present value.

    Example: anlan source browse opc.tcp://192.168.10.30:4840 --endpoints
    """
    from anlan.sense.looking.requests import OpcUaBrowse, OpcUaEndpoints, OpcUaTrust

    if trust:
        told = _look(OpcUaTrust, data, url=url, fingerprint=trust.replace(":", "").lower())
    elif endpoints:
        told = _look(OpcUaEndpoints, data, url=url)
    else:
        told = _look(OpcUaBrowse, data, url=url, node=node, security=security)
    if as_json:
        return _json(told)
    if "endpoints" in told:
        for one in told["endpoints"]:
            typer.echo(f"{one['mode']:<16} {one['policy']:<24} {', '.join(one['sign_in']):<24} {one['security'] and 'security: ' + one['security']}")  # fmt: skip
        if (shown := told["certificate"]) is not None:
            typer.echo(f"SHA-256 {shown['fingerprint']}  {shown['subject']}  {shown['start']} – {shown['end']}")
        return None
    for item in told["items"]:
        kind = "/" if item["folder"] else f"{item['type']:<10} {item['value']!s:<20} {item['status']}"
        typer.echo(f"{item['node']:<40} {item['name']:<28} {kind}")
    return None


def scan(
    url: Annotated[str, typer.Argument(help="modbus://host:port/unit; port 502 and unit 1 where they are left out.")],
    span: Annotated[
        list[str] | None, typer.Option("--range", metavar="TABLE:START+COUNT", help="hr:0+50, di:0+16 …; may be repeated.")
    ] = None,
    framing: Annotated[str, typer.Option(help="`rtu` for RTU frames over TCP.")] = "tcp",
    as_json: AsJson = False,
) -> None:
    """Present raw values of a Modbus device, in the readings that they may mean.

    Example: anlan source scan modbus://192.168.10.20:502/1 --range hr:0+20 --range di:0+16
    """
    from anlan.sense.looking.requests import ModbusScan

    parts = urlsplit(url)
    if parts.scheme != "modbus" or not parts.hostname:
        raise _wrong("{found} is no address of a device; modbus://host:port/unit was expected", found=url)
    unit = _whole(parts.path.strip("/") or "1", 0, 255)
    if unit is None:
        raise _wrong("unit was {found}; a whole number from 0 to 255 was expected", found=parts.path.strip("/"))
    if framing not in {"tcp", "rtu"}:
        raise _wrong("framing was {found}; tcp or rtu was expected", found=framing)
    given = {"host": parts.hostname, "port": _port(url) or 502, "unit": unit, "framing": framing}
    told = _look(ModbusScan, Path(), **given, ranges=[_span(text) for text in span or ["hr:0+50"]])
    if as_json:
        return _json(told)
    for row in told["items"]:
        readings = "  ".join(f"{kind}={'—' if value is None else f'{value:g}'}" for kind, value in row["readings"].items())
        typer.echo(f"{row['table']}:{row['address']:<6} {row['raw']:>6}  {readings}")
    for reason, count in told["refusals"].items():
        typer.echo(f"{reason}: {count}")
    return None


def listen(
    url: Annotated[str, typer.Argument(help="mqtt://host:port or mqtts://host:port")],
    filter: Annotated[str, typer.Option(help="Topics to hear; # is all.")] = "#",
    seconds: Annotated[float, typer.Option(help="How long.", min=0.2, max=12)] = 5.0,
    username: str = "",
    password_file: Annotated[Path | None, typer.Option(help="A file that holds the password.")] = None,
    as_json: AsJson = False,
) -> None:
    """Topics of an MQTT broker that speak within some seconds, with the fields of their last message.

    Example: anlan source listen mqtt://192.168.10.40:1883 --filter plant/#
    """
    from anlan.sense.looking.requests import MqttListen

    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise _wrong("{found} is no address of a broker; mqtt://host:port was expected", found=url)
    tls, password = parts.scheme == "mqtts", password_file.read_text("utf-8").strip() if password_file is not None else ""
    given = {"host": parts.hostname, "port": _port(url) or (8883 if tls else 1883), "tls": tls, "username": username}
    told = _look(MqttListen, Path(), **given, password=password, filter=filter, seconds=seconds)
    if as_json:
        return _json(told)
    for row in told["items"]:
        typer.echo(f"{row['topic']}  ×{row['messages']}")
        for one in row["fields"]:
            typer.echo(f"    {one['path']:<32} {one['value']!s}")
        if not row["json"]:
            typer.echo(f"    {row['payload']}")
    return None


def _wrong(message: str, **facts: Any) -> InputError:
    from anlan.model.errors import InputError  # with pydantic behind it: `anlan --help` does without

    return InputError(message, **facts)


def _span(text: str) -> dict[str, Any]:
    """A range as it is typed: "hr:0+50"; 50 where no count stands. Raises InputError."""
    table, _, rest = text.partition(":")
    start, plus, count = rest.partition("+")
    found = table, _whole(start, 0, 65_535), _whole(count, 1, 500) if plus else 50
    if table not in {"co", "di", "hr", "ir"} or None in found:
        raise _wrong(
            "--range was {found}; TABLE:START+COUNT was expected, with co, di, hr or ir, 0 to 65535 and 1 to 500: hr:0+50",
            found=text,
        )
    return dict(zip(("table", "start", "count"), found, strict=True))


def _whole(text: str, least: int, most: int) -> int | None:
    """The number that is written there, None where it is none or lies outside."""
    fits = text.isascii() and text.isdecimal() and len(text) < 6 and least <= int(text) <= most
    return int(text) if fits else None


def _port(url: str) -> int | None:
    """None where the address names none. Raises InputError."""
    try:
        return urlsplit(url).port
    except ValueError:
        raise _wrong("{found}: a port from 1 to 65535 was expected behind the host", found=url) from None


def _look(kind: type[Look], data: Path, **given: Any) -> dict[str, Any]:
    from pydantic import ValidationError

    from anlan.model.clock import SystemClock
    from anlan.sense.looking.looks import look_at

    try:
        look = kind.model_validate(given)
    except ValidationError as wrong:
        problem = wrong.errors(include_url=False)[0]
        field = ".".join(map(str, problem["loc"]))
        raise _wrong(
            "{field} was {found}: {problem}", field=field, found=str(problem["input"])[:60], problem=problem["msg"]
        ) from None
    return asyncio.run(look_at(look, data, SystemClock()))


def _json(told: dict[str, Any]) -> None:
    import orjson

    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
