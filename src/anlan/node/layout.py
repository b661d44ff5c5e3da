"""Where a node keeps its things: one folder, everything in it, nothing elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anlan.model.errors import StoreError


@dataclass(frozen=True, slots=True)
class NodeFolder:
    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def history(self) -> Path:
        return self.root / "history"

    @property
    def journal(self) -> Path:
        return self.root / "alarms.db"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def records(self) -> Path:
        return self.root / "records.db"

    @property
    def run(self) -> Path:
        """Sockets and what the running processes tell each other; may be deleted while the node is down."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        return self.run / "core.sock"

    @property
    def engine_config(self) -> Path:
        """The engine's share of the configuration in force, written by the supervisor before core starts."""
        return self.run / "engine.arrow"

    @property
    def vault(self) -> Path:
        """The key that seals what records.db must keep readable, such as second factors; apart from it, and not in a backup of it."""
        return self.root / "keys" / "vault.key"

    @property
    def identity(self) -> Path:
        """Where `identity.yaml` lies, if people may sign in by an identity service (`guard.oidc_settings`)."""
        return self.root

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def secrets(self) -> Path:
        """Passwords of sources that were added at the console, a file each."""
        return self.root / "secrets"

    @property
    def tls(self) -> Path:
        """The console's own certificate authority, where one was made (`anlan tls`)."""
        return self.root / "tls"

    @property
    def audit_key(self) -> Path:
        """Signs the heads of the audit record; its public half lies beside it (`.pub`)."""
        return self.root / "audit.key"

    @property
    def audit_waiting(self) -> Path:
        """Room for audit steps that the records cannot take while their disk is full."""
        return self.root / "audit.waiting"

    @property
    def last_plant(self) -> Path:
        """The version in force, for a start while the records cannot be read."""
        return self.root / "plant.last"

    @property
    def kept_stations(self) -> Path:
        """Paired stations by the hash of their key, for the same."""
        return self.root / "stations.last"

    @property
    def home(self) -> Path:
        """The machine and the folder that it belongs to (`node.home`)."""
        return self.root / "home.json"

    @property
    def copy(self) -> Path:
        """There while a copy is shown read-only: where it comes from."""
        return self.run / "copy.json"

    @property
    def evacuation(self) -> Path:
        """There while an evacuation call stands: the supervisor sounds."""
        return self.run / "evacuation.json"

    @property
    def night_override(self) -> Path:
        """There while one person alone has loosened a limit: the supervisor sounds."""
        return self.run / "override.json"

    @property
    def evacuations(self) -> Path:
        """The book of evacuation calls."""
        return self.root / "evacuations.book"

    def prepare(self) -> NodeFolder:
        """Make the folders; readable by the owner alone, because names, positions and alarms of a plant are in it. Raises StoreError."""
        try:
            for folder in (self.root, self.log, self.history, self.snapshots, self.run, self.pki):
                folder.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
        except OSError as error:
            raise StoreError("the folder {folder} cannot be made: {why}", folder=str(self.root), why=error.strerror) from error
        return self
