"""A security key in software, for tests: it signs as WebAuthn says a key signs (ES256, attestation "none"), and wrongly when told to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256

PRESENT, ATTESTED = 0x01, 0x40


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class SoftKey:
    """`origin` is the page's, which the browser says; `counter` rises with each signature unless `counts` is False."""

    origin: str
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counter: int = 0
    counts: bool = True
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any], **wrong: Any) -> dict[str, Any]:
        """Answers creation options. `wrong`: as `get`."""
        client = self._client("webauthn.create", options, wrong)
        public = cbor.encode(dict(ES256.from_cryptography_key(self.private.public_key())))
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(wrong.get("rp_id", options["rp"]["id"]), wrong.get("flags", PRESENT) | ATTESTED) + attested
        response = {"attestationObject": coded(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data}))}
        return self._answer({"clientDataJSON": coded(client), **response})

    def get(self, options: dict[str, Any], **wrong: Any) -> dict[str, Any]:
        """Answers request options. `wrong`: `challenge`, `origin`, `type`, `rp_id`, `flags`, `signature` other than what belongs there."""
        client = self._client("webauthn.get", options, wrong)
        self.counter += self.counts
        data = self._data(wrong.get("rp_id", options["rpId"]), wrong.get("flags", PRESENT))
        signed = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": coded(client),
                "authenticatorData": coded(data),
                "signature": coded(wrong.get("signature", signed)),
            }
        )

    def code(self, options: dict[str, Any], **wrong: Any) -> str:
        """As it stands where a code of the second factor goes."""
        return "key." + coded(json.dumps(self.get(options, **wrong)).encode())

    def _client(self, kind: str, options: dict[str, Any], wrong: dict[str, Any]) -> bytes:
        data = {"type": wrong.get("type", kind), "challenge": wrong.get("challenge", options["challenge"])}
        return json.dumps(
            {**data, "origin": wrong.get("origin", self.origin), "crossOrigin": wrong.get("framed", False)}
        ).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": coded(self.id),
            "rawId": coded(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response,
        }
