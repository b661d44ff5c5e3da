"""paho-mqtt on our event loop: one connection from CONNECT to its end. It subscribes, receives and acknowledges, nothing else.

paho offers its socket to a foreign loop; so there is no second thread and no queue between two, and to stop reading the socket is
all the back-pressure there needs to be. Only the blocking connect (name, TCP, TLS) runs in a worker thread.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from anlan.model.errors import DriverError
from anlan.sense.mqtt.config import MqttConfig

BURST = 200
"""Packets taken from the socket before the loop gets its turn again."""


class Connection:
    """`await open()`, `await subscribe()`, then messages come to `on_message` until `closed` is done."""

    def __init__(
        self,
        config: MqttConfig,
        on_message: Callable[[Connection, paho.MQTTMessage], None],
        *,
        clean: bool = False,
        password: str = "",
    ) -> None:
        """`clean`: the broker keeps no session of ours, for one who only looks. `password`: as typed, where no file holds it."""
        self._config, self._on_message, self._clean, self._password = config, on_message, clean, password
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self._connected: asyncio.Future[bool] = self._loop.create_future()
        self._subscribed: dict[int, asyncio.Future[list[Any]]] = {}
        self._socket: Any = None
        self._paused = False
        self._client = self._made(config)

    async def open(self) -> bool:
        """Connect; True when the broker still had our session. DriverError says why not."""
        config = self._config
        target = f"{config.host}:{config.port}"
        dial = self._loop.run_in_executor(None, self._dial)
        try:
            await asyncio.shield(dial)
            async with asyncio.timeout(config.timeout):
                return await self._connected
        except asyncio.CancelledError:
            dial.add_done_callback(self._dialled_in_vain)
            raise
        except TimeoutError as silent:
            raise DriverError("{target} does not answer", target=target) from silent
        except (OSError, ValueError) as failed:
            raise DriverError(
                "{target} cannot be reached: {why}", target=target, why=str(failed) or type(failed).__name__
            ) from failed

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> dict[str, str]:
        """Ask for all filters; those that the broker refuses, and why."""
        result, number = self._client.subscribe(list(filters))
        if result != paho.MQTT_ERR_SUCCESS or number is None:
            raise DriverError("subscribing failed: {why}", why=paho.error_string(result))
        granted = self._subscribed[number] = self._loop.create_future()
        try:
            async with asyncio.timeout(self._config.timeout):
                codes = await granted
        except TimeoutError as silent:
            raise DriverError("the broker does not answer a subscription") from silent
        return {filter: str(code) for (filter, _), code in zip(filters, codes, strict=False) if code.is_failure}

    def acknowledge(self, number: int) -> None:
        """Tell the broker that the message is ours; nothing when the connection has ended (it will be sent again)."""
        if not self.closed.done():
            self._client.ack(number, 1)

    def pause(self) -> None:
        """Read no more for now; the broker's bytes stay in the socket, then in the broker."""
        if not self._paused and self._socket is not None:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        if self._paused and self._socket is not None:
            self._paused = False
            self._loop.add_reader(self._socket, self._readable)

    def tick(self) -> None:
        """Once a second: pings, and notices a broker that no longer answers them."""
        self._guarded(self._client.loop_misc)

    def close(self) -> None:
        """Say goodbye if there is somebody to say it to, and free the socket."""
        with suppress(Exception):
            self._client.disconnect()
            self._client.loop_write()
        if self._socket is not None:
            self._forget()
            sock = self._client.socket()
            if sock is not None:
                sock.close()
        self._end("closed by us")

    # paho's side.

    def _made(self, config: MqttConfig) -> paho.Client:
        five = config.version == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            clean_session=None if five else self._clean,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = config.timeout
        if config.username:
            client.username_pw_set(config.username, self._password or _secret(config))
        if config.tls is not None:
            client.tls_set_context(_context(config))
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_paho_message
        client.on_socket_open, client.on_socket_close = self._on_socket_open, self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        return client

    def _dial(self) -> None:
        config = self._config
        options: dict[str, Any] = {}
        if config.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = config.session_expiry
            properties.ReceiveMaximum = config.receive_maximum
            options = {"clean_start": self._clean, "properties": properties}
        self._client.connect_async(config.host, config.port, config.keep_alive, **options)
        self._client.reconnect()

    def _dialled_in_vain(self, dial: asyncio.Future[None]) -> None:
        dial.exception()
        self.close()

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._watch, sock)

    def _watch(self, sock: Any) -> None:
        if self.closed.done():
            sock.close()
            return
        self._socket = sock
        self._loop.add_reader(sock, self._readable)

    def _on_socket_close(self, client: Any, userdata: Any, sock: Any) -> None:
        self._forget()

    def _forget(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _on_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._want_write, sock)

    def _want_write(self, sock: Any) -> None:
        if self._socket is sock:
            self._loop.add_writer(sock, self._writable)

    def _on_unregister_write(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._socket is sock and sock.fileno() >= 0:
            self._loop.remove_writer(sock)

    def _writable(self) -> None:
        self._guarded(self._client.loop_write)

    def _readable(self) -> None:
        for _ in range(BURST):
            self._guarded(self._client.loop_read)
            if self._paused or self._socket is None or not _more(self._socket):
                return

    def _guarded(self, step: Callable[[], Any]) -> None:
        """paho raises whatever a malformed packet makes it raise; for us that is a broken connection."""
        try:
            step()
        except Exception as broken:
            self._end(f"the broker sent what MQTT does not allow: {broken!r}")
            self.close()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            self._connected.set_exception(DriverError("the broker refuses us: {why}", why=str(reason)))
        else:
            self._connected.set_result(bool(flags.session_present))

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._end(str(reason) if flags.is_disconnect_packet_from_server else "the connection broke off")

    def _end(self, why: str) -> None:
        if not self.closed.done():
            self.closed.set_result(why)
        unanswered: list[asyncio.Future[Any]] = [self._connected, *self._subscribed.values()]
        for waiting in unanswered:
            if not waiting.done():
                waiting.set_exception(DriverError("the connection ended: {why}", why=why))
                waiting.exception()

    def _on_subscribe(self, client: Any, userdata: Any, number: int, codes: list[Any], properties: Any) -> None:
        waiting = self._subscribed.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(codes)

    def _on_paho_message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        self._on_message(self, message)


def refusal(refused: Mapping[str, str]) -> DriverError:
    """What to raise where nothing that was asked for may be had: it names the first."""
    filter, why = next(iter(refused.items()))
    return DriverError("the broker refuses the subscription {filter}: {why}", filter=filter, why=why)


def _more(sock: Any) -> bool:
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    return sock.fileno() >= 0 and bool(select.select([sock], [], [], 0)[0])


def _secret(config: MqttConfig) -> str | None:
    return config.password_file.read_text("utf-8").strip() if config.password_file is not None else None


def _context(config: MqttConfig) -> ssl.SSLContext:
    assert config.tls is not None
    context = ssl.create_default_context(cafile=str(config.tls.ca) if config.tls.ca else None)
    if config.tls.certificate is not None:
        context.load_cert_chain(config.tls.certificate, config.tls.key)
    return context
