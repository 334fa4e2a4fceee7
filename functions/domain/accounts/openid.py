"""OpenID providers: who may say of somebody who they are, and what they are asked. It knows no database.

The protocol is OpenID Connect's code flow, with PKCE (RFC 7636) and a nonce. State, nonce and verifier are made from a
challenge that only the browser has which began: so what was begun elsewhere, or for another provider, is of no use, and
nothing of it has to be kept. How the requests look, and what an ID token has to say, is Authlib's; joserfc checks its
signature.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from core.configuration import secret, setting
from functions.domain import outbound
from functions.domain.accounts import pages
from functions.domain.api_errors import BadGateway, NotFound, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import Token

PROVIDERS_SETTING: Final = "OIDC_PROVIDERS"
"""The providers, with semicolons between them. Of each, with spaces: our word for it, issuer, client id, name."""

SCOPES_SETTING: Final = "OIDC_SCOPES"
"""What providers are asked to tell, with spaces."""

SCOPES: Final = "openid email"

NETWORKS_SETTING: Final = "OIDC_NETWORKS"
"""Networks in which providers may be beside public addresses, with spaces; there they may do without TLS."""

SECRETS: Final = "oidc-client-secrets"
"""The secret with the client secrets: on each line a provider's id and, after a space, what it gave us."""

NO_SECRETS: Final = "# Of each OpenID provider a line: its id, a space, and the client secret.\n"

SETTINGS: Final = (PROVIDERS_SETTING, SCOPES_SETTING, NETWORKS_SETTING, *pages.SETTINGS)

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""By which ID tokens may be signed: by no secret that both sides have, and never by nothing."""

SECONDS: Final = 12
"""For all that a provider is asked for one log-in."""

LEEWAY_SECONDS: Final = 30
"""By how much a provider's clock may differ."""

KEPT_SECONDS: Final = 3600
"""For how long it is known where a provider's endpoints are, and its keys."""

RENEWAL_SECONDS: Final = 30
"""So long keys are kept at least, however often an ID token names one that isn't among them."""

MOST_BYTES: Final = 256 * 1024
"""Of an answer."""

MAX_SUBJECT: Final = 255
"""Characters of `sub` (OpenID Connect Core 1.0, section 2)."""

_KINDS: Final = frozenset({"RSA", "EC", "OKP"})


class ProviderNotFound(NotFound):
    """There is no such OpenID provider here: GET /v1/auth/oidc tells which there are."""


class ProviderUnavailable(Unavailable):
    """The OpenID provider doesn't answer just now: try again shortly, or log in another way."""


class ProviderFailed(BadGateway):
    """The OpenID provider gave an answer that makes no sense, or knows nothing of us: ask whoever runs this service."""


class IdentityNotProved(Unauthenticated):
    """What came from the OpenID provider doesn't prove who you are, or isn't what was begun here: begin again."""


@dataclass(frozen=True)
class Provider:
    """Somebody who says of people who they are."""

    id: str
    """The word for it in addresses."""
    name: str
    """How people are told of it."""
    issuer: str
    client_id: str


@dataclass(frozen=True)
class Answer:
    """What a browser brings back from a provider."""

    challenge: str
    """With which it began."""
    code: str
    state: str
    issuer: str | None
    """Whose answer it is, if that is said (RFC 9207)."""


@dataclass(frozen=True)
class Proved:
    """Somebody, as a provider knows them."""

    provider: Provider
    subject: str
    email: str | None
    """Their address, if the provider says that it is verified."""


@dataclass(frozen=True)
class _Metadata:
    """What a provider tells of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    auth_methods: tuple[str, ...]
    names_itself: bool
    """Whether its answers say whose they are."""
    fetched_at: float


@dataclass
class _Keys:
    keys: "KeySet"
    fetched_at: float


@dataclass
class _Known:
    """What is kept of the providers, of each that there is at most."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    metadata: dict[Provider, _Metadata] = field(default_factory=dict)
    keys: dict[Provider, _Keys] = field(default_factory=dict)


_known: Final = _Known()


def providers() -> tuple[Provider, ...]:
    """Return the providers that there are. Raises ValueError for a setting that can't be read."""
    return tuple(_read(each) for each in setting(PROVIDERS_SETTING, "").split(";") if each.strip())


def find(provider_id: str) -> Provider:
    """Return a provider. Raises ProviderNotFound."""
    for each in providers():
        if each.id == provider_id:
            return each
    raise ProviderNotFound


def authorization_url(provider: Provider, challenge: str) -> str:
    """Return where a browser is to go to, to be told who somebody is.

    No transaction is to be open meanwhile. Raises ProviderUnavailable and ProviderFailed.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    verifier = _derived(provider, challenge, "verifier")
    url: str = prepare_grant_uri(
        _Asking(provider).metadata().authorization_endpoint,
        provider.client_id,
        "code",
        redirect_uri=_redirect_uri(),
        scope=setting(SCOPES_SETTING, "") or SCOPES,
        state=_derived(provider, challenge, "state"),
        nonce=_derived(provider, challenge, "nonce"),
        code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call] # Authlib's own
        code_challenge_method="S256",
    )
    return url


def check_begun(provider: Provider, answer: Answer) -> None:
    """Check that an answer is to what its browser has begun with this provider. Raises IdentityNotProved."""
    if not hmac.compare_digest(answer.state.encode(), _derived(provider, answer.challenge, "state").encode()):
        raise IdentityNotProved
    if answer.issuer not in {None, provider.issuer}:
        raise IdentityNotProved


def prove(provider: Provider, answer: Answer) -> Proved:
    """Return who somebody is, by a provider's answer that was checked and isn't used a second time.

    No transaction is to be open meanwhile. Raises IdentityNotProved, ProviderUnavailable and ProviderFailed.
    """
    asking = _Asking(provider)
    if asking.metadata().names_itself and answer.issuer is None:
        raise IdentityNotProved
    tokens = asking.tokens(answer)
    id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
    if not isinstance(id_token, str):
        raise IdentityNotProved
    claims = _checked(
        asking.decoded(id_token),
        provider,
        nonce=_derived(provider, answer.challenge, "nonce"),
        access_token=access_token if isinstance(access_token, str) else None,
    )
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise IdentityNotProved
    if "email" not in claims and isinstance(access_token, str):
        told = asking.userinfo(access_token)
        claims = told if told.get("sub") == subject else claims
    return Proved(provider, subject, _verified_email(claims))


def _read(text: str) -> Provider:
    provider_id, issuer, client_id, *name = text.split()
    return Provider(provider_id, " ".join(name) or provider_id, issuer, client_id)


def _redirect_uri() -> str:
    return pages.address("log-in")


def _derived(provider: Provider, challenge: str, what: str) -> str:
    text = f"{what}\0{provider.id}\0{provider.issuer}\0{provider.client_id}"
    made = hmac.digest(challenge.encode(), text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _verified_email(claims: Mapping[str, object]) -> str | None:
    email, verified = claims.get("email"), claims.get("email_verified")
    # Some providers write it as a string.
    return email if isinstance(email, str) and (verified is True or verified == "true") else None


def _checked(token: "Token", provider: Provider, *, nonce: str, access_token: str | None) -> Mapping[str, object]:
    """Return the claims of an ID token whose signature was checked. Raises IdentityNotProved."""
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import JoseError

    claims = CodeIDToken(
        token.claims,
        token.header,
        options={
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": provider.client_id},
            "nonce": {"essential": True, "value": nonce},
        },
        params={"nonce": nonce, "client_id": provider.client_id, "access_token": access_token},
    )
    try:
        claims.validate(leeway=LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError, AttributeError):
        raise IdentityNotProved from None
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != provider.client_id:
        raise IdentityNotProved
    return claims


class _Asking:
    """What a provider is asked for one log-in, within the time for it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._deadline = time.monotonic() + SECONDS

    def metadata(self) -> _Metadata:
        """Return what the provider tells of itself, which is kept for a while."""
        with _known.lock:
            found = _known.metadata.get(self._provider)
        if found is None or found.fetched_at + KEPT_SECONDS < time.monotonic():
            found = self._discovered()
            with _known.lock:
                _known.metadata[self._provider] = found
        return found

    def _discovered(self) -> _Metadata:
        told = self._get(f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self._provider.issuer:
            raise ProviderFailed
        userinfo = told.get("userinfo_endpoint")
        methods = told.get("token_endpoint_auth_methods_supported")
        return _Metadata(
            authorization_endpoint=self._endpoint(told.get("authorization_endpoint")),
            token_endpoint=self._endpoint(told.get("token_endpoint")),
            jwks_uri=self._endpoint(told.get("jwks_uri")),
            userinfo_endpoint=None if userinfo is None else self._endpoint(userinfo),
            auth_methods=tuple(map(str, methods)) if isinstance(methods, list) else ("client_secret_basic",),
            names_itself=told.get("authorization_response_iss_parameter_supported") is True,
            fetched_at=time.monotonic(),
        )

    def _endpoint(self, url: object) -> str:
        """Return the address of an endpoint, which is as well guarded as the issuer's."""
        guarded = ("https://",) if self._provider.issuer.startswith("https://") else ("https://", "http://")
        if not isinstance(url, str) or not url.startswith(guarded):
            raise ProviderFailed
        return url

    def tokens(self, answer: Answer) -> Mapping[str, object]:
        """Trade a code for tokens."""
        from authlib.oauth2.auth import ClientAuth
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        metadata, provider = self.metadata(), self._provider
        body = prepare_token_request(
            "authorization_code",
            code=answer.code,
            redirect_uri=_redirect_uri(),
            code_verifier=_derived(provider, answer.challenge, "verifier"),
        )
        client_secret = _client_secret(provider)
        posts = "client_secret_basic" not in metadata.auth_methods and "client_secret_post" in metadata.auth_methods
        with_secret = "client_secret_post" if posts else "client_secret_basic"
        auth = ClientAuth(provider.client_id, client_secret, with_secret if client_secret else "none")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        prepared = auth.prepare("POST", metadata.token_endpoint, headers, body)  # type: ignore[no-untyped-call] # the same
        url, headers, body = prepared
        status, told = self._exchange("POST", url, headers, body.encode())
        if status == HTTPStatus.OK:
            return told
        # The code is refused; whatever else is said is about us.
        raise IdentityNotProved if told.get("error") == "invalid_grant" else ProviderFailed

    def userinfo(self, access_token: str) -> Mapping[str, object]:
        """Return what the provider tells of whoever an access token is of; nothing if it tells nothing."""
        url = self.metadata().userinfo_endpoint
        if url is None:
            return {}
        status, told = self._exchange("GET", url, {"Authorization": f"Bearer {access_token}"})
        return told if status == HTTPStatus.OK else {}

    def decoded(self, id_token: str) -> "Token":
        """Return an ID token that one of the provider's keys has signed. Raises IdentityNotProved."""
        from joserfc import jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

        for renewed in (False, True):
            keys = self._keys(renewed=renewed)
            try:
                return jwt.decode(id_token, keys.keys, algorithms=ALGORITHMS)
            except (BadSignatureError, InvalidKeyIdError):
                # It may have other keys by now, though not each time.
                if keys.fetched_at + RENEWAL_SECONDS > time.monotonic():
                    break
            except (JoseError, ValueError, TypeError):
                break
        raise IdentityNotProved

    def _keys(self, *, renewed: bool) -> _Keys:
        with _known.lock:
            found = _known.keys.get(self._provider)
        if found is None or renewed or found.fetched_at + KEPT_SECONDS < time.monotonic():
            found = _Keys(self._key_set(), time.monotonic())
            with _known.lock:
                _known.keys[self._provider] = found
        return found

    def _key_set(self) -> "KeySet":
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        told = self._get(self.metadata().jwks_uri).get("keys")
        usable = [each for each in told if _is_usable(each)] if isinstance(told, list) else []
        try:
            return KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderFailed from None

    def _get(self, url: str) -> Mapping[str, object]:
        status, told = self._exchange("GET", url, {})
        if status != HTTPStatus.OK:
            raise ProviderFailed
        return told

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, Mapping[str, object]]:
        """Return the status and the JSON object that the provider answers."""
        from core import http_client

        address = http_client.Address(url, allows=partial(outbound.allows, networks_setting=NETWORKS_SETTING))
        sent = {"Accept": "application/json", "User-Agent": "Botberi", **headers}
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ProviderUnavailable
        try:
            with http_client.exchange(method, address, seconds=left, body=body, headers=sent) as response:
                status, text = response.status, response.read(MOST_BYTES + 1)
        except http_client.AddressRefusedError:
            raise ProviderFailed from None
        except (OSError, ValueError):
            raise ProviderUnavailable from None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable
        return status, _object(text)


def _object(text: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderFailed
    return found


def _is_usable(key: object) -> bool:
    """Return whether something may be a key that signs: no secret, and none to encrypt with."""
    return isinstance(key, dict) and key.get("kty") in _KINDS and key.get("use", "sig") == "sig"


def _client_secret(provider: Provider) -> str | None:
    for line in secret(SECRETS).splitlines():
        provider_id, _, found = line.strip().partition(" ")
        if provider_id == provider.id:
            return found.strip()
    return None
