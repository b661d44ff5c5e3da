"""An OPC UA server (asyncua's) whose variables a scenario writes; it records every service asked of it.

It can be cut off without a goodbye and started again on the same port with the values it had.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.server import binary_server_asyncio as asyncua_binary

from anlan.model.clock import Clock, SystemClock
from anlan.sense.recording import Recording

NAMESPACE = "urn:anlan:simulator"
FOLDER = ua.NodeId(ua.ObjectIds.ObjectsFolder)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Variable:
    """One variable: `path` is its folders and name and, after `ns=2;s=`, its node id."""

    path: str
    type: str
    value: Any
    unit: str = ""
    range: tuple[float, float] | None = None
    states: Sequence[str] = ()
    description: str = ""
    last: ua.DataValue | None = field(default=None, repr=False)

    @property
    def node_id(self) -> ua.NodeId:
        return ua.NodeId(self.path, 2)


class OpcUaServer:
    """`add` variables, `await start()`, then `write`. With `certificate` and `key` it also offers Basic256Sha256 SignAndEncrypt."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        certificate: Path | None = None,
        key: Path | None = None,
        only_secure: bool = False,
        application_uri: str = "urn:anlan:simulator:server",
        user_manager: Any = None,
        clock: Clock | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.recording = Recording()
        self.variables: dict[str, Variable] = {}
        self.on_acknowledged: Callable[[str, int, Any], None] | None = None
        """Called with (path, source time µs, value) of each change that a client has acknowledged."""
        self._certificate, self._key, self._only_secure = certificate, key, only_secure
        self._application_uri, self._user_manager = application_uri, user_manager
        self._clock = clock or SystemClock()
        self._server: _RecordingServer | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"opc.tcp://{self.host}:{self.port}/anlan"

    @property
    def connections(self) -> int:
        return len(self._server.bserver.clients) if self._server and self._server.bserver else 0

    def add(
        self,
        path: str,
        type: str = "Double",
        value: Any = 0.0,
        *,
        unit: str = "",
        range: tuple[float, float] | None = None,
        states: Sequence[str] = (),
        description: str = "",
    ) -> str:
        """Declare a variable before `start`; returns its node id text (`ns=2;s=PATH`). `states` name the integers 0, 1, …"""
        variable = Variable(path, type, value, unit, range, states, description)
        self.variables[path] = variable
        return str(variable.node_id.to_string())

    async def start(self) -> None:
        server = _RecordingServer(self.recording, self._user_manager)
        await server.init()
        # The library's own clock task makes a stop last up to a second; ours is cancelled at once.
        server.iserver.disabled_clock = True
        server.set_server_name("Anlan simulator")
        await server.set_application_uri(self._application_uri)
        server.set_endpoint(self.url)
        await self._secure(server)
        await server.register_namespace(NAMESPACE)
        await self._build(server)
        await server.start()
        self._watch_acknowledgements(server)
        self.port = server.bserver.port
        self._server = server
        self._ticker = asyncio.create_task(self._tick(server))

    async def write(self, path: str, value: Any, status: str = "Good", source_time: int | None = None) -> None:
        """A new value of `path` (also while stopped: it shows after `start`). `source_time` in µs UTC, None: now."""
        variable = self.variables[path]
        variable.last = self._data_value(variable, value, status, source_time)
        if self._server is not None:
            await self._server.write_attribute_value(variable.node_id, variable.last)

    async def declare(self, state: str) -> None:
        """Let the server say of itself that it is Running, Failed, Suspended, Shutdown …"""
        assert self._server is not None
        node = self._server.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_State))
        await node.write_value(ua.Variant(ua.ServerState[state], ua.VariantType.Int32))

    async def forget_subscriptions(self) -> None:
        """Drop all subscriptions without a word, as a server does whose client was away for too long."""
        assert self._server is not None
        service = self._server.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))

    async def stop(self) -> None:
        """Cut every connection without a goodbye and close the port. Idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._ticker is not None:
            self._ticker.cancel()
        for transport in list(server.iserver.asyncio_transports):
            transport.abort()
        await asyncio.sleep(0)
        # A process that dies takes its sessions with it; the library counts them in a class variable and would run out.
        for session in list(server.iserver._external_sessions.values()):
            await session.close_session(True)
        await server.stop()

    kill = stop

    def _watch_acknowledgements(self, server: Server) -> None:
        service = server.iserver.subscription_service
        publish = service.publish

        def watched(acknowledgements: Sequence[Any]) -> Any:
            for acknowledgement in acknowledgements:
                self._acknowledged(service.subscriptions.get(acknowledgement.SubscriptionId), acknowledgement.SequenceNumber)
            return publish(acknowledgements)

        service.publish = watched

    def _acknowledged(self, subscription: Any, number: int) -> None:
        if self.on_acknowledged is None or subscription is None or number not in subscription._not_acknowledged_results:
            return
        items = subscription.monitored_item_srv._monitored_items.values()
        nodes = {item.client_handle: item.read_value_id.NodeId.Identifier for item in items}
        for notification in subscription._not_acknowledged_results[number].NotificationMessage.NotificationData:
            for change in getattr(notification, "MonitoredItems", ()):
                if nodes.get(change.ClientHandle) in self.variables:
                    span = change.Value.SourceTimestamp - _EPOCH
                    self.on_acknowledged(nodes[change.ClientHandle], span // timedelta(microseconds=1), change.Value.Value.Value)

    async def _secure(self, server: Server) -> None:
        policies = [] if self._only_secure else [ua.SecurityPolicyType.NoSecurity]
        if self._certificate is not None and self._key is not None:
            await server.load_certificate(self._certificate)
            await server.load_private_key(self._key)
            policies.append(ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt)
        server.set_security_policy(policies)

    async def _build(self, server: Server) -> None:
        folders: dict[str, Any] = {"": server.get_node(FOLDER)}
        for variable in self.variables.values():
            parent = await self._folder(folders, variable.path.rpartition("/")[0])
            await self._variable(parent, variable)

    async def _folder(self, folders: dict[str, Any], path: str) -> Any:
        if path not in folders:
            above, _, name = path.rpartition("/")
            parent = await self._folder(folders, above)
            folders[path] = await parent.add_folder(ua.NodeId(path, 2), ua.QualifiedName(name, 2))
        return folders[path]

    async def _variable(self, parent: Any, variable: Variable) -> None:
        variable.last = variable.last or self._data_value(variable, variable.value, "Good", None)
        kind = ua.VariantType[variable.type]
        name = ua.QualifiedName(variable.path.rpartition("/")[2], 2)
        node = await parent.add_variable(variable.node_id, name, ua.Variant(variable.value, kind))
        await node.write_attribute(ua.AttributeIds.Value, variable.last)
        if variable.description:
            text = ua.Variant(ua.LocalizedText(variable.description), ua.VariantType.LocalizedText)
            await node.write_attribute(ua.AttributeIds.Description, ua.DataValue(text))
        if variable.unit:
            unit = ua.EUInformation(DisplayName=ua.LocalizedText(variable.unit), Description=ua.LocalizedText(variable.unit))
            await node.add_property(ua.NodeId(f"{variable.path}#unit", 2), "EngineeringUnits", unit)
        if variable.range is not None:
            low, high = variable.range
            await node.add_property(ua.NodeId(f"{variable.path}#range", 2), "EURange", ua.Range(Low=low, High=high))
        if variable.states:
            names = [ua.LocalizedText(s) for s in variable.states]
            await node.add_property(ua.NodeId(f"{variable.path}#states", 2), "EnumStrings", names)

    def _data_value(self, variable: Variable, value: Any, status: str, source_time: int | None) -> ua.DataValue:
        moment = _EPOCH + timedelta(microseconds=self._clock.now() if source_time is None else source_time)
        code = ua.StatusCode(getattr(ua.StatusCodes, status))
        variant = ua.Variant(value, ua.VariantType[variable.type])
        return ua.DataValue(variant, code, SourceTimestamp=moment, ServerTimestamp=moment)

    async def _tick(self, server: Server) -> None:
        node = server.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime))
        while True:
            await asyncio.sleep(1)
            moment = _EPOCH + timedelta(microseconds=self._clock.now())
            with contextlib.suppress(ConnectionError):
                await node.write_value(moment)


class _RecordingServer(Server):  # type: ignore[misc]
    """asyncua's server with our protocol class, which notes each service before it is served."""

    def __init__(self, recording: Recording, user_manager: Any) -> None:
        super().__init__(user_manager=user_manager)
        self._recording = recording

    async def start(self) -> None:
        await self._setup_server_nodes()
        await self.iserver.start()
        self.bserver = _RecordingBinaryServer(self.iserver, *self._get_bind_socket_info(), self.limits)
        self.bserver.recording = self._recording
        self.bserver.set_policies(self._policies)
        await self.bserver.start()


class _RecordingBinaryServer(asyncua_binary.BinaryServer):  # type: ignore[misc]
    recording: Recording

    def _make_protocol(self) -> asyncua_binary.OPCUAProtocol:
        protocol = _RecordingProtocol(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)
        protocol.recording = self.recording
        return protocol


class _RecordingProtocol(asyncua_binary.OPCUAProtocol):  # type: ignore[misc]
    recording: Recording

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.processor is not None:
            serve = self.processor._process_message
            self.processor._process_message = lambda typeid, *rest: self._noted(serve, typeid, *rest)

    async def _noted(self, serve: Any, typeid: ua.NodeId, *rest: Any) -> Any:
        name = ua.ObjectIdNames.get(typeid.Identifier, str(typeid))
        self.recording.note(name.removesuffix("_Encoding_DefaultBinary").removesuffix("Request"))
        return await serve(typeid, *rest)
