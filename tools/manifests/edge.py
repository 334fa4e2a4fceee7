"""deploy/nginx: which function answers which method and path, and the edge's own answers, as nginx reads them."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Final

from core import context
from functions.domain import api_errors
from functions.domain.api_errors import ApiError
from functions.runtime import transport, webhooks
from functions.runtime.declarations import Declaration
from functions.runtime.problems import problem
from functions.runtime.providers.callers import Guard
from functions.runtime.routes import MethodNotAllowed, RouteNotFound, ordered
from tools.manifests.grouping import group_of

HEAD: Final = "# Written by `make manifests` from what the functions declare: change those, not this file.\n"

START: Final = Path("deploy/nginx/start.sh")

TRANSPORT_SECONDS: Final = 5
"""What the edge waits beyond the longest time limit of a function, so that the function's own answer arrives."""

_SEGMENT: Final = r"/(?!\.\.?(?:[/?]|$))(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%(?!2[EFef]|5[Cc]|[01]|7[Ff])[0-9A-Fa-f]{2})+"

PATH: Final = rf"~^(?<plain>(?:{_SEGMENT})+)(?:\?|$)"
"""A path without what programs read in different ways: dot segments, empty ones, parameters behind `;`, backslashes,
control characters, and dots, slashes and backslashes that are percent-encoded."""

_OWN_RESPONSES: Final[tuple[tuple[str, int, type[ApiError], str | None], ...]] = (
    ("400", 400, api_errors.Malformed, None),
    ("403", 403, api_errors.Forbidden, "Pages of this origin may not connect."),
    ("404", 404, RouteNotFound, None),
    ("405", 405, MethodNotAllowed, None),
    ("413", 413, api_errors.TooLarge, None),
    ("414", 414, transport.UriTooLong, None),
    ("429", 429, api_errors.TooMany, None),
    ("494", 431, transport.HeadersTooLarge, None),
    ("500 502 503", 503, transport.FunctionUnavailable, None),
    ("501", 501, transport.UnknownTransferCoding, None),
    ("504", 504, transport.FunctionTimeout, None),
    ("505", 505, transport.HttpVersionUnsupported, None),
    ("", 503, transport.FunctionOverloaded, None),
)
"""What nginx says for itself, what it answers instead, and in which of the functions' words."""

OWN_ERRORS: Final = tuple(api_error for _, _, api_error, _ in _OWN_RESPONSES)
"""What the edge refuses requests with."""


_UNPARSED: Final = ("400", "414", "494", "501", "505")

_TITLES: Final = {413: "Content Too Large", 414: "URI Too Long"}
"""Those that differ between versions of Python: the file must not."""


class AmbiguousRouteError(Exception):
    """One request would have two answers."""


def routes(declarations: Iterable[Declaration]) -> str:
    """Return `routes.conf`: maps from the request to its function, and the limits that follow from the functions."""
    by_path = sorted(declarations, key=lambda each: (each.path, each.method))
    # nginx takes the first that fits, as the host does.
    endpoints = ordered(each for each in by_path if each.api != "subscribers")
    _refuse_overlaps(endpoints)
    longest = max(each.resources.timeout_seconds for each in endpoints) + TRANSPORT_SECONDS
    return "\n".join(
        (
            HEAD,
            "map_hash_bucket_size 128;",
            f"client_max_body_size {max(each.max_body for each in endpoints)};",
            f"proxy_read_timeout {longest}s;\n",
            "# The path as it was sent, where everybody on the way reads it alike; else nothing, which is no address.",
            f'map $request_uri $path {{\n    default "";\n    "{PATH}" $plain;\n}}\n',
            _map('"$request_method:$path"', "$function", ((_asked(each), each.deployment) for each in endpoints)),
            "# The methods of an address, as the Allow header tells them.",
            _map("$path", "$allow", _allowed(endpoints)),
            "# The API of an address.",
            _map("$path", "$owner", sorted({(f'"~^{_pattern(each.path)}$"', each.api) for each in endpoints})),
            "# The deployment that holds a function where few are allowed.",
            _map("$function", "$group", ((each.deployment, group_of(each)) for each in endpoints)),
            "# Whoever guesses passwords or floods sign-up does it here: POSTs that need no session.",
            _map("$function", "$guess_key", ((each.deployment, "$caller") for each in _open(endpoints))),
        )
    )


def events(declarations: Iterable[Declaration]) -> str:
    """Return `events.conf`: the addresses that take CloudEvents, whose attributes or handshake are in headers.

    What attributes a producer adds can't be known, nor which headers a protocol has by its users' choice, and nginx
    can't let headers pass by the beginning of their names: so all pass but those that somebody behind believes.
    """
    taking = sorted(each.path for each in declarations if webhooks.METHOD in each.methods or _has_any_headers(each))
    return "\n".join((HEAD, *(_event_location(path) for path in taking)))


def _has_any_headers(declaration: Declaration) -> bool:
    return declaration.protocol is not None and declaration.protocol.any_headers


def public(declarations: Iterable[Declaration]) -> str:
    """Return `public.conf`: the addresses whose answers are the same for everybody, and so may be compressed."""
    methods: dict[str, set[bool]] = {}
    for each in declarations:
        if each.api != "subscribers":
            is_public = each.method == "GET" and each.parameter(Guard) is None
            methods.setdefault(_location(each.path), set()).add(is_public)
    found = sorted(location for location, kinds in methods.items() if kinds == {True})
    return "\n".join((HEAD, *(f"location {each} {{\n    gzip on;\n    include route.conf;\n}}\n" for each in found)))


def _location(path: str) -> str:
    return f"~ ^{_pattern(path)}$" if "{" in path else f"= {path}"


def _event_location(path: str) -> str:
    stripped = "".join(f'    proxy_set_header {name} "";\n' for name in sorted(NEVER_FROM_OUTSIDE))
    return (
        f"location {_location(path)} {{\n"
        "    include route.conf;\n"
        "    include forward.conf;\n"
        '    proxy_set_header Connection "";\n'
        "    proxy_pass_request_headers on;\n"
        f"{stripped}}}\n"
    )


def problems() -> str:
    """Return `problems.conf`: nginx' own answers as application/problem+json, with the codes that functions use."""
    return "\n".join((HEAD, *(_problem(*answer) for answer in _OWN_RESPONSES)))


NEVER_FROM_OUTSIDE: Final = (
    # Knative: what its ingress, activator and queue-proxy tell each other, and which revision or host is meant.
    *("K-Kubelet-Probe", "K-Network-Hash", "K-Network-Probe", "K-Original-Host", "K-Passthrough-Lb", "K-Proxy-Request"),
    *("Knative-Serving-Default-Route", "Knative-Serving-Namespace", "Knative-Serving-Revision", "Knative-Serving-Tag"),
    # Envoy, below Knative: where to go instead, and how often and long to try.
    *("X-Envoy-Decorator-Operation", "X-Envoy-Expected-Rq-Timeout-Ms", "X-Envoy-External-Address"),
    *("X-Envoy-Force-Trace", "X-Envoy-Hedge-On-Per-Try-Timeout", "X-Envoy-Internal", "X-Envoy-Ip-Tags"),
    *("X-Envoy-Max-Retries", "X-Envoy-Original-Path", "X-Envoy-Retriable-Header-Names"),
    *("X-Envoy-Retriable-Status-Codes", "X-Envoy-Retry-Grpc-On", "X-Envoy-Retry-On"),
    *("X-Envoy-Upstream-Alt-Stat-Name", "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms"),
    *(
        "X-Envoy-Upstream-Rq-Timeout-Alt-Response",
        "X-Envoy-Upstream-Rq-Timeout-Ms",
        "X-Envoy-Upstream-Stream-Duration-Ms",
    ),
    # OpenFaaS: the call's own id, and where an answer is to be sent.
    *("X-Call-Id", "X-Callback-Url", "X-Duration-Seconds", "X-Function-Name", "X-Start-Time"),
    # Whatever tells who called, and how.
    *("Forwarded", "Via", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Forwarded-Client-Cert", "X-Forwarded-Path"),
    *("X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-User", "X-Original-Url"),
    *("X-Original-Uri", "X-Real-Ip", "X-Remote-User", "X-Rewrite-Url", "X-Http-Method-Override", "True-Client-Ip"),
    # Traces but the one that the edge has looked at, and what means something to this hop or to browsers alone.
    *("B3", "X-B3-Flags", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Spanid", "X-B3-Traceid", "Baggage"),
    *("Accept-Encoding", "Cookie", "Expect", "Proxy-Authorization", "Range", "If-Range", "Te", "Upgrade"),
)
"""Headers that a proxy or a function behind the edge believes, or that aren't for it."""


@dataclass(frozen=True)
class Platform:
    """How functions are reached."""

    meaning: str
    """Of EDGE_FUNCTIONS."""
    host: str
    """Host and port of a function."""
    prefix: str = ""
    """Of the paths that a function has."""
    speaks: bool = False
    """Whether something answers in a function's place when that can't: a gateway or a proxy."""


PLATFORMS: Final = {
    "local": Platform("One host serves every function; EDGE_FUNCTIONS is its host:port.", "$functions"),
    "compose": Platform(
        "Each function is a service of its own name; EDGE_FUNCTIONS is their port.", "$function:$functions"
    ),
    "openfaas": Platform("EDGE_FUNCTIONS is the gateway, host:port.", "$functions", "/function/$function", speaks=True),
    "openfaas-ce": Platform(
        "The same, with functions grouped into few deployments.", "$functions", "/function/$group", speaks=True
    ),
    "knative": Platform(
        "EDGE_FUNCTIONS is what follows a Service's name: botberi.svc.cluster.local",
        "$function.$functions",
        speaks=True,
    ),
}


def files(declarations: Sequence[Declaration]) -> dict[Path, str]:
    """Return every generated file of deploy/nginx."""
    folder = Path("deploy/nginx")
    platforms = {folder / "platforms" / f"{name}.conf": platform(name) for name in PLATFORMS}
    return {
        folder / "routes.conf": routes(declarations),
        folder / "events.conf": events(declarations),
        folder / "public.conf": public(declarations),
        folder / "problems.conf": problems(),
        **platforms,
    }


def settings(script: str) -> list[tuple[str, str, str]]:
    """Return the edge's settings as `start.sh` declares them: name, default, meaning."""
    found = re.findall(r'^: "\$\{(EDGE_\w+):=([^}]*)\}" *#? ?(.*)$', script, re.MULTILINE)
    return [(f"`{name}`", f"`{default}`" if default else "none", meaning) for name, default, meaning in found]


def platform(name: str) -> str:
    """Return `platforms/<name>.conf`: the address of a function on one platform."""
    found = PLATFORMS[name]
    place = "unix:functions.sock:" if found.speaks else found.host
    text = f"{HEAD}\n# {found.meaning}\n"
    text += f'map $function $upstream {{\n    default "http://{place}{found.prefix}";\n}}\n'
    text += f'map $function $upstream_host {{\n    default "{found.host}";\n    "" $proxy_host;\n}}\n'
    return text + (_behind(found.host) if found.speaks else "")


def _behind(host: str) -> str:
    """Return what the hop to a platform that speaks for its functions needs: where it leads.

    Of the Host that the edge sends it, only the function's name is taken, so that it leads nowhere else.
    """
    cases = {"default": host}
    if "$function." in host:
        cases = {"default": "", r'"~^(?<named>[a-z0-9-]+)\."': host.replace("$function.", "$named.")}
    lines = "".join(f'    {case} "{place}";\n' for case, place in cases.items())
    return f"map $http_host $behind {{\n{lines}}}\ninclude behind.conf;\n"


def _refuse_overlaps(endpoints: Iterable[Declaration]) -> None:
    for one, other in combinations(endpoints, 2):
        if one.methods & other.methods and _overlap(one.path, other.path):
            message = f"{one.name} ({one.path}) and {other.name} ({other.path}) would answer the same request"
            raise AmbiguousRouteError(message)


def _overlap(one: str, other: str) -> bool:
    pairs = list(zip_longest(one.split("/"), other.split("/")))
    if any(_verb(part) != _verb(opposite) for part, opposite in pairs):
        return False
    return all(None not in pair and (pair[0] == pair[1] or "{" in f"{pair[0]}{pair[1]}") for pair in pairs)


def _verb(part: str | None) -> str:
    """Return what stands in a part of a path behind a value: `:cancel` of `{id}:cancel`."""
    return (part or "").partition("}")[2]


def _pattern(path: str) -> str:
    return "[^/]+".join(re.escape(part).replace(r"\-", "-") for part in re.split(r"{\w+}", path))


def _asked(declaration: Declaration) -> str:
    methods = "|".join(sorted(declaration.methods))
    return f'"~^({methods}):{_pattern(declaration.path)}$"'


def _allowed(endpoints: Iterable[Declaration]) -> Iterable[tuple[str, str]]:
    methods: dict[str, set[str]] = {}
    for each in endpoints:
        methods.setdefault(_pattern(each.path), set()).update(each.methods)
    return ((f'"~^{pattern}$"', f'"{", ".join(sorted(found))}"') for pattern, found in methods.items())


def _open(endpoints: Iterable[Declaration]) -> Iterable[Declaration]:
    return (each for each in endpoints if each.method == "POST" and each.parameter(Guard) is None)


def _map(key: str, name: str, entries: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"    {pattern} {value};\n" for pattern, value in entries)
    return f'map {key} {name} {{\n    default "";\n{lines}}}\n'


def _problem(found: str, status: int, api_error: type[ApiError], detail: str | None) -> str:
    with context.entered(context.Context(trace_id="$trace_id", span_id="")):
        body = problem(status, api_error.code, detail or api_error.message())
    text = json.dumps(body | {"title": _TITLES.get(status, body["title"])}).replace("'", r"\'")
    # A request that can't be parsed has no address yet, and nginx won't go from there to a named location.
    place, internal = f"@{api_error.code}", ""
    if found in _UNPARSED:
        place, internal = f"= /_/edge/{status}", "    internal;\n"
    return (
        (f"error_page {found} = {place.removeprefix('= ')};\n" if found else "") + f"location {place} {{\n{internal}"
        "    default_type application/problem+json;\n"
        f"    return {status} '{text}';\n"
        "}\n"
    )
