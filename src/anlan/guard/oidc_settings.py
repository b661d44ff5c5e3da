"""Which identity service people may sign in by: `identity.yaml` in the node's data folder, read when the console starts.

issuer: https://login.works.example/realms/works
address: https://console.plant            # of this console, as registered there: …/api/v1/oidc/callback comes back
client_id: anlan
client_secret_file: keys/oidc.secret      # mode 0600; or client_secret_env: ANLAN_OIDC_SECRET
claim: preferred_username                 # its value is an account here, letter by letter; or
accounts: {3f1c-…: wang.li}               # the service's own number of a person (sub) → account here
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from anlan.model.errors import ConfigError, StoreError
from anlan.model.not_yaml import not_yaml
from anlan.model.words import Label

FILE = "identity.yaml"
ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""What an ID token may be signed by: never "none", never a secret that both sides know."""
Text = Annotated[str, Field(min_length=1, max_length=500)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountedFactor(Frozen):
    """When the service's own second factor counts here: one of `acr`, or one of `amr`, stands in the ID token. Without either none does."""

    acr: tuple[Text, ...] = ()
    amr: tuple[Text, ...] = ()

    def in_claims(self, claims: dict[str, Any]) -> bool:
        methods = claims.get("amr")
        return claims.get("acr") in self.acr or any(one in self.amr for one in (methods if isinstance(methods, list) else ()))


class IdentitySettings(Frozen):
    """As written; the secret itself is in neither its text nor its repr."""

    issuer: Text
    address: Text
    client_id: Text
    client_secret_file: Path | None = None
    client_secret_env: Text | None = None
    client_auth: Literal["basic", "post"] = "basic"
    """How the client shows its secret: as OpenID Connect's client_secret_basic or client_secret_post."""
    name: Label = Label(zh="统一身份认证", en="Identity service")
    scopes: tuple[Text, ...] = ("openid", "profile")
    claim: Text | None = None
    accounts: dict[Text, Text] = {}
    second_factor: CountedFactor = CountedFactor()
    algorithms: tuple[Text, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    ca_file: Path | None = None
    """From the data folder: certificates (PEM) that its HTTPS is checked by, for a service with an authority of the works' own."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for url in (self.issuer, self.address):
            if not is_trusted_address(url):
                raise ValueError(f"{url}: an https:// address was expected, or http:// on this machine")
        if (self.client_secret_file is None) == (self.client_secret_env is None):
            raise ValueError("one of client_secret_file and client_secret_env was expected")
        if (self.claim is None) == (not self.accounts):
            raise ValueError("one of claim and accounts was expected")
        if unknown := set(self.algorithms) - set(ASYMMETRIC):
            raise ValueError(f"algorithms: {', '.join(sorted(unknown))} is not one of {', '.join(ASYMMETRIC)}")
        if "openid" not in self.scopes:
            raise ValueError("scopes: openid was expected among them")
        return self

    def account_of(self, claims: dict[str, Any]) -> str | None:
        """The account here of whom these verified claims are about; None for nobody. An e-mail address counts if the service has checked it."""
        if self.claim is None:
            return self.accounts.get(str(claims["sub"]))
        if self.claim == "email" and claims.get("email_verified") is not True:
            return None
        value = claims.get(self.claim)
        return value if isinstance(value, str) and value else None


def is_trusted_address(url: str) -> bool:
    """HTTPS, or this machine."""
    parts = urlsplit(url)
    here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))


def read_settings(folder: Path) -> tuple[IdentitySettings, str] | None:
    """The settings and the client's secret; None where no identity service is set. Raises ConfigError, StoreError."""
    path = folder / FILE
    if not path.exists():
        return None
    settings = _parsed(path)
    if settings.ca_file is not None:
        settings = settings.model_copy(update={"ca_file": folder / settings.ca_file})
        assert settings.ca_file is not None
        if not settings.ca_file.is_file():
            raise ConfigError("ca_file: there is no file {path}", file=str(path), path=str(settings.ca_file))
    return settings, _secret(settings, folder, path)


def _parsed(path: Path) -> IdentitySettings:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe").load(path.read_text("utf-8"))
        return IdentitySettings.model_validate(data)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "identity"
        raise ConfigError(
            "{where}: {why}", file=str(path), where=where, why=first["msg"].removeprefix("Value error, ")
        ) from wrong
    except (YAMLError, UnicodeDecodeError) as failure:
        found = not_yaml(failure)
        raise ConfigError(found.message, file=str(path), line=found.line, **found.facts) from failure
    except OSError as failure:
        raise ConfigError("this file cannot be read: {why}", file=str(path), why=failure.strerror or str(failure)) from failure


def _secret(settings: IdentitySettings, folder: Path, path: Path) -> str:
    if settings.client_secret_env is not None:
        found = os.environ.get(settings.client_secret_env, "")
        if not found:
            raise ConfigError("the environment has no {name}", file=str(path), name=settings.client_secret_env)
        return found
    assert settings.client_secret_file is not None
    file = folder / settings.client_secret_file
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise StoreError("the secret {path} may be read by others; its mode must be 0600", path=str(file))
        found = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError("the secret {path} cannot be read: {why}", path=str(file), why=str(error)) from error
    if not found:
        raise StoreError("the secret {path} is empty", path=str(file))
    return found
