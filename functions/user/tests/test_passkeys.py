"""Passkeys: registered by somebody who has just logged in, and then worth a log-in of two factors."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from click.testing import CliRunner
from fido2.cose import ES256, RS256, CoseKey, EdDSA
from fido2.utils import websafe_decode, websafe_encode
from sqlalchemy import text

from cli.__main__ import botberi
from functions.domain.accounts import webauthn
from functions.domain.accounts.throttling import FREE
from testing import factors, people
from testing.authenticators import (
    BACKED_UP,
    PRESENT,
    VERIFIED,
    Authenticator,
    begin,
    begin_login,
    enrol,
    log_in,
    new_key,
    public,
    register,
    show,
)
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

Somebody = Callable[..., Person]
PASSKEYS = "/v1/me/passkeys"


@pytest.fixture
def ann(person: Somebody) -> Person:
    return person()


@pytest.fixture
def phone(api: Api, ann: Person) -> Authenticator:
    """Ann's only passkey."""
    return enrol(api, ann)


def said(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def password(api: Api, somebody: Person) -> Response:
    return api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})


def opened(answer: Response) -> str:
    """Return the access token that somebody was given."""
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


def listed(api: Api, token: str) -> list[dict[str, Any]]:
    return list(api.user.get(PASSKEYS, token=token).json["items"])


def events_of(env: Environment, account_id: str) -> list[tuple[str, Any]]:
    query = text("select type, data from outbox where subject = :id order by seq")
    with env.transaction("user_psql", "relay") as db:
        return [(row.type.split(".", 2)[2], row.data) for row in db.execute(query, {"id": account_id})]


@pytest.mark.parametrize("algorithm", webauthn.ALGORITHMS)
@pytest.mark.parametrize("count", [0, 1])
def test_whoever_has_a_passkey_logs_in_with_it_alone(api: Api, ann: Person, algorithm: int, count: int) -> None:
    phone = enrol(api, ann, Authenticator(algorithm, count=count))
    for _ in range(2):
        token = opened(log_in(api, phone))
        assert (said(token)["sub"], said(token)["acr"]) == (ann.id, "aal2")
        assert api.user.get("/v1/me", token=token).json["id"] == ann.id


def test_what_is_asked_of_an_authenticator_is_the_same_for_everybody(api: Api, phone: Authenticator) -> None:
    first, second = begin_login(api), begin_login(api)
    assert first["options"] == {
        "challenge": websafe_encode(first["challenge"].encode()),
        "timeout": 300_000,
        "rpId": "localhost",
        "allowCredentials": [],
        "userVerification": "required",
    }
    assert first["challenge"] != second["challenge"]
    same = [each["options"] | {"challenge": ""} for each in (first, second)]
    assert same[0] == same[1]


def test_what_is_asked_for_is_a_passkey_that_the_browser_finds_and_no_second_of_an_authenticator(
    api: Api, ann: Person, phone: Authenticator
) -> None:
    options = begin(api, people.logged_in(ann))["options"]
    assert websafe_decode(options["user"]["id"]).decode() == ann.id
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert (options["attestation"], options["rp"]["id"]) == ("none", "localhost")
    assert options["excludeCredentials"] == [
        {"type": "public-key", "id": websafe_encode(phone.credential_id), "transports": ["internal", "hybrid"]}
    ]


def test_the_first_one_gives_recovery_codes_and_ends_the_other_sessions(
    api: Api, ann: Person, env: Environment
) -> None:
    other = opened(password(api, ann))
    made = register(api, ann.token, Authenticator(flags=VERIFIED | BACKED_UP), "Ann's phone")
    assert made.status_code == 201, made.text
    codes = made.json["recovery_codes"]
    assert (len(set(codes)), made.json["name"], made.json["backed_up"]) == (10, "Ann's phone", True)
    assert api.user.get("/v1/me", token=other).code == "session_revoked"
    refreshed = api.user.post("/v1/auth/refresh", json={"refresh_token": ann.refresh_token}).json["access_token"]
    assert said(refreshed)["acr"] == "aal2"
    assert listed(api, refreshed) == [{name: made.json[name] for name in made.json if name != "recovery_codes"}]
    assert api.user.get("/v1/me/mfa", token=refreshed).json == {
        "totp": False,
        "passkeys": 1,
        "recovery_codes_left": 10,
    }
    assert events_of(env, ann.id)[-1] == ("factor.added.v1", {"account_id": ann.id, "kind": "passkey"})
    assert not [code for code in codes if code in str(events_of(env, ann.id))]


def test_a_further_one_gives_no_codes_and_those_there_are_stay_good(api: Api, ann: Person) -> None:
    codes = register(api, ann.token, Authenticator()).json["recovery_codes"]
    strong = people.logged_in(ann)
    assert register(api, strong, Authenticator()).json["recovery_codes"] == []
    given = password(api, ann).json["challenge"]
    assert factors.verify(api, given, recovery_code=codes[0]).status_code == 200


def test_with_a_passkey_the_password_alone_is_not_enough(api: Api, ann: Person, phone: Authenticator) -> None:
    asked = password(api, ann)
    assert (asked.status_code, asked.json["totp"]) == (202, False)
    options = asked.json["passkey"]
    assert [each["id"] for each in options["allowCredentials"]] == [websafe_encode(phone.credential_id)]
    proof = {"challenge": asked.json["challenge"], "passkey": phone.sign(options, user_handle=None)}
    token = opened(api.user.post("/v1/auth/mfa/verify", json=proof))
    assert (said(token)["sub"], said(token)["acr"]) == (ann.id, "aal2")
    again = api.user.post("/v1/auth/mfa/verify", json=proof)
    assert (again.status_code, again.code) == (410, "challenge_expired")


def test_an_app_and_a_passkey_are_either_of_them_enough(api: Api, ann: Person) -> None:
    app = factors.enrol(api, ann)
    phone = Authenticator()
    weak = register_options(api, ann.token)
    assert (weak.status_code, weak.code) == (403, "insufficient_aal")
    assert register(api, people.logged_in(ann), phone).json["recovery_codes"] == []
    asked = password(api, ann).json
    assert asked["totp"] is True
    opened(factors.verify(api, asked["challenge"], code=app.code(1)))
    asked = password(api, ann).json
    proof = {"challenge": asked["challenge"], "passkey": phone.sign(asked["passkey"])}
    opened(api.user.post("/v1/auth/mfa/verify", json=proof))


def register_options(api: Api, token: str) -> Response:
    return api.user.post(f"{PASSKEYS}/options", token=token)


def test_an_app_beside_a_passkey_takes_two_factors_too(api: Api, ann: Person, phone: Authenticator) -> None:
    assert api.user.post("/v1/me/mfa/totp", token=ann.token).code == "insufficient_aal"
    strong = people.logged_in(ann)
    assert factors.enrol(api, replaced(ann, strong)).recovery_codes == ()
    assert api.user.get("/v1/me/mfa", token=strong).json == {"totp": True, "passkeys": 1, "recovery_codes_left": 10}
    assert api.user.delete("/v1/me/mfa/totp", token=strong).status_code == 204
    assert api.user.get("/v1/me/mfa", token=strong).json == {"totp": False, "passkeys": 1, "recovery_codes_left": 10}


def replaced(somebody: Person, token: str) -> Person:
    return Person(somebody.id, somebody.email, somebody.password, token, somebody.refresh_token)


WRONG: list[dict[str, Any]] = [
    {"origin": "http://localhost"},
    {"origin": "https://localhost:8080"},
    {"origin": "http://localhost.example.com"},
    {"origin": "null"},
    {"origin": ["http://localhost:8080"]},
    {"cross_origin": True},
    {"cross_origin": None},
    {"rp_id": "example.com"},
    {"challenge": b"x" * 16},
    {"challenge": ""},
    {"type": "payment.get"},
    {"flags": PRESENT},
    {"flags": VERIFIED & ~PRESENT},
    {"flags": VERIFIED | (BACKED_UP & ~0x08)},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_was_made_otherwise_than_asked_is_not_registered(api: Api, ann: Person, wrong: dict[str, Any]) -> None:
    answer = register(api, ann.token, Authenticator(), **wrong)
    assert (answer.status_code, answer.code) == (422, "passkey_invalid")
    assert listed(api, ann.token) == []
    assert password(api, ann).status_code == 200


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_was_signed_otherwise_than_asked_opens_nothing(
    api: Api, ann: Person, phone: Authenticator, wrong: dict[str, Any]
) -> None:
    answer = log_in(api, phone, **wrong)
    assert (answer.status_code, answer.code) == (401, "passkey_wrong")
    asked = password(api, ann).json
    proof = {"challenge": asked["challenge"], "passkey": phone.sign(asked["passkey"], **wrong)}
    assert api.user.post("/v1/auth/mfa/verify", json=proof).code == "passkey_wrong"
    # Nothing of it has counted.
    opened(log_in(api, phone))


def test_what_is_signed_for_one_purpose_is_good_for_no_other(api: Api, ann: Person, phone: Authenticator) -> None:
    strong, asked, begun = people.logged_in(ann), password(api, ann).json, begin_login(api)
    registering = begin(api, strong)
    signed = phone.sign(asked["passkey"])
    assert show(api, asked["challenge"], signed).code == "challenge_expired"
    assert show(api, begun["challenge"], signed).code == "passkey_wrong"
    proof = {"challenge": begun["challenge"], "passkey": phone.sign(begun["options"])}
    assert api.user.post("/v1/auth/mfa/verify", json=proof).code == "challenge_expired"
    options = {"challenge": registering["options"]["challenge"], "rpId": "localhost"}
    assert show(api, registering["challenge"], phone.sign(options)).code == "challenge_expired"


def test_what_was_signed_is_good_once(api: Api, phone: Authenticator) -> None:
    begun = begin_login(api)
    signed = phone.sign(begun["options"])
    answers = [show(api, begun["challenge"], signed) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 410]
    assert answers[1].code == "challenge_expired"
    # Nor is it for another challenge.
    assert show(api, begin_login(api)["challenge"], signed).code == "passkey_wrong"


def test_of_many_who_show_the_same_at_once_one_gets_in(api: Api, phone: Authenticator) -> None:
    begun = begin_login(api)
    signed = phone.sign(begun["options"])
    with ThreadPoolExecutor(4) as many:
        statuses = sorted(many.map(lambda _: show(api, begun["challenge"], signed).status_code, range(4)))
    assert statuses == [200, 410, 410, 410]


def test_a_challenge_lasts_for_five_minutes(api: Api, ann: Person, phone: Authenticator, env: Environment) -> None:
    registering, begun = begin(api, people.logged_in(ann)), begin_login(api)
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update mfa_challenges set expires_at = now()"))
    assert show(api, begun["challenge"], phone.sign(begun["options"])).code == "challenge_expired"
    wanted = {
        "challenge": registering["challenge"],
        "name": "Late",
        "passkey": Authenticator().make(registering["options"]),
    }
    late = api.user.post(PASSKEYS, json=wanted, token=people.logged_in(ann))
    assert (late.status_code, late.code) == (410, "challenge_expired")


def test_nobody_registers_with_somebody_else_s_challenge(api: Api, ann: Person, person: Somebody) -> None:
    begun = begin(api, ann.token)
    wanted = {"challenge": begun["challenge"], "name": "Mine", "passkey": Authenticator().make(begun["options"])}
    assert api.user.post(PASSKEYS, json=wanted, token=person().token).code == "challenge_expired"
    assert api.user.post(PASSKEYS, json=wanted, token=ann.token).status_code == 201
    assert api.user.post(PASSKEYS, json=wanted, token=people.logged_in(ann)).code == "challenge_expired"


def test_a_passkey_proves_its_own_account_and_no_other(api: Api, phone: Authenticator, person: Somebody) -> None:
    bob = person()
    others = enrol(api, bob)
    asked = password(api, bob).json
    for wrong in ({}, {"credential_id": others.credential_id}, {"user_handle": bob.id.encode()}):
        proof = {"challenge": asked["challenge"], "passkey": phone.sign(asked["passkey"], **wrong)}
        answer = api.user.post("/v1/auth/mfa/verify", json=proof)
        assert (answer.status_code, answer.code) == (401, "passkey_wrong")
    assert log_in(api, phone, user_handle=bob.id.encode()).code == "passkey_wrong"
    assert log_in(api, phone, user_handle=None).code == "passkey_wrong"
    assert log_in(api, phone, credential_id=others.credential_id).code == "passkey_wrong"


def test_an_unknown_passkey_is_answered_like_one_that_signs_badly(api: Api, phone: Authenticator) -> None:
    stranger = Authenticator()
    answers = [log_in(api, stranger), log_in(api, phone, key=stranger.key)]
    assert [(each.status_code, each.code) for each in answers] == [(401, "passkey_wrong")] * 2
    assert answers[0].json["detail"] == answers[1].json["detail"]


def test_the_same_passkey_is_not_registered_twice_by_whomever(api: Api, ann: Person, person: Somebody) -> None:
    phone = enrol(api, ann)
    for token in (people.logged_in(ann), person().token):
        again = register(api, token, phone)
        assert (again.status_code, again.code) == (409, "passkey_known_already")
    assert len(listed(api, people.logged_in(ann))) == 1


BAD_KEYS: dict[str, Callable[[], CoseKey]] = {
    "of another algorithm": lambda: CoseKey({**public(new_key(-7)), 3: -9}),
    "of no algorithm": lambda: CoseKey({**public(new_key(-7)), 3: -100}),
    "of another curve": lambda: CoseKey({**public(new_key(-7)), -1: 2}),
    "off the curve": lambda: CoseKey({**public(new_key(-7)), -2: b"\x01" * 32}),
    "with a short coordinate": lambda: CoseKey({**public(new_key(-7)), -2: b"\x01"}),
    "with a number for a coordinate": lambda: CoseKey({**public(new_key(-7)), -2: 5}),
    "without a coordinate": lambda: CoseKey({1: 2, 3: -7, -1: 1}),
    "Ed25519's, too short": lambda: CoseKey({1: 1, 3: -8, -1: 6, -2: b"\x01"}),
    "RSA's, too short": lambda: CoseKey({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"}),
    "RSA's, too long": lambda: CoseKey({1: 3, 3: -257, -1: b"\xff" * 1024, -2: b"\x01\x00\x01"}),
    "RSA's, of another exponent": lambda: CoseKey({1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\xff" * 256}),
    "of nothing": lambda: CoseKey({3: -7}),
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_key_of_another_kind_or_form_is_not_registered(api: Api, ann: Person, key: Callable[[], CoseKey]) -> None:
    answer = register(api, ann.token, Authenticator(), key=key())
    assert (answer.status_code, answer.code) == (422, "passkey_invalid")


MALFORMED: dict[str, bytes] = {
    "nothing much": b"\x00",
    "no CBOR": b"\xff\xff\xff",
    "an array": b"\x80",
    "an empty map": b"\xa0",
    "a map of another kind": b"\xa1\x01\x02",
    "deep": b"\x81" * 9000 + b"\x00",
    "long": b"\x9b" + b"\xff" * 8,
    "a map with a map for a key": b"\xa1\xa0\x01",
    "text that is none": b"\x61\xff",
    "cut": b"\xa3cfmtdnonegattStmt\xa0hauthDataXF" + b"\x00" * 40,
    "of another type": b"\xa3cfmt\x01gattStmt\x01hauthData\x01",
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_attestation_is_refused(api: Api, ann: Person, value: bytes) -> None:
    begun = begin(api, ann.token)
    made = Authenticator().make(begun["options"])
    made["response"]["attestationObject"] = websafe_encode(value)
    wanted = {"challenge": begun["challenge"], "name": "Phone", "passkey": made}
    answer = api.user.post(PASSKEYS, json=wanted, token=ann.token)
    assert (answer.status_code, answer.code) == (422, "passkey_invalid")


CLIENT_DATA = [b"{", b"[]", b"1", b"{}", b"\xff", b"[" * 2000, b'{"type": "webauthn.get", "challenge": 5, "origin": 5}']


@pytest.mark.parametrize("value", CLIENT_DATA, ids=repr)
def test_what_is_no_client_data_is_refused(api: Api, ann: Person, phone: Authenticator, value: bytes) -> None:
    begun = begin_login(api)
    signed = phone.sign(begun["options"])
    signed["response"]["clientDataJSON"] = websafe_encode(value)
    assert show(api, begun["challenge"], signed).code == "passkey_wrong"
    strong = people.logged_in(ann)
    begun = begin(api, strong)
    made = Authenticator().make(begun["options"])
    made["response"]["clientDataJSON"] = websafe_encode(value)
    wanted = {"challenge": begun["challenge"], "name": "Phone", "passkey": made}
    assert api.user.post(PASSKEYS, json=wanted, token=strong).code == "passkey_invalid"


@pytest.mark.parametrize("place", ["authenticatorData", "signature", "clientDataJSON"])
def test_what_was_changed_since_it_was_signed_opens_nothing(api: Api, phone: Authenticator, place: str) -> None:
    begun = begin_login(api)
    signed = phone.sign(begun["options"])
    value = websafe_decode(signed["response"][place])
    for changed in (value[:-1] + bytes([value[-1] ^ 1]), value[:-1], value + b" ", b"\x00"):
        response = signed["response"] | {place: websafe_encode(changed)}
        assert show(api, begun["challenge"], signed | {"response": response}).code == "passkey_wrong"
    opened(show(api, begun["challenge"], signed))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": "a"}, "/passkey/id"),
        ({"id": "a" * 1365}, "/passkey/id"),
        ({"id": "a+/="}, "/passkey/id"),
        ({"id": 5}, "/passkey/id"),
        ({"type": "password"}, "/passkey/type"),
        ({"response": None}, "/passkey/response"),
        ({"response": {}}, "/passkey/response/clientDataJSON"),
        ({"response": {"signature": "a" * 4097}}, "/passkey/response/signature"),
        ({"response": {"userHandle": "a" * 89}}, "/passkey/response/userHandle"),
        ({"response": {"authenticatorData": "aaaaa"}}, "/passkey/response/authenticatorData"),
    ],
    ids=str,
)
def test_a_passkey_of_another_shape_is_refused_at_its_place(
    api: Api, phone: Authenticator, change: dict[str, Any], pointer: str
) -> None:
    begun = begin_login(api)
    answer = show(api, begun["challenge"], phone.sign(begun["options"]) | change)
    assert answer.status_code == 422
    assert pointer in {error["pointer"] for error in answer.json["errors"]}


def test_a_huge_body_is_refused_before_it_is_read(api: Api, phone: Authenticator) -> None:
    begun = begin_login(api)
    signed = phone.sign(begun["options"]) | {"more": "x" * 70_000}
    assert show(api, begun["challenge"], signed).status_code == 413


def test_a_counter_that_goes_back_is_refused_and_told_and_ends_nothing(api: Api, ann: Person, env: Environment) -> None:
    phone = enrol(api, ann, Authenticator(count=7))
    token = opened(log_in(api, phone, count=9))
    for count in (9, 8, 0):
        answer = log_in(api, phone, count=count)
        assert (answer.status_code, answer.code) == (401, "passkey_counter_outdated")
    asked = password(api, ann).json
    proof = {"challenge": asked["challenge"], "passkey": phone.sign(asked["passkey"], count=9)}
    answers = [api.user.post("/v1/auth/mfa/verify", json=proof) for _ in range(2)]
    assert [each.code for each in answers] == ["passkey_counter_outdated", "challenge_expired"]
    [passkey] = listed(api, token)
    suspected = [data for name, data in events_of(env, ann.id) if name == "passkey.suspected.v1"]
    assert suspected == [{"account_id": ann.id, "passkey_id": passkey["id"]}] * 4
    assert api.user.get("/v1/me", token=token).status_code == 200
    opened(log_in(api, phone, count=10))


def test_a_passkey_that_may_be_copied_suddenly_is_another(api: Api, phone: Authenticator) -> None:
    assert log_in(api, phone, flags=VERIFIED | BACKED_UP).code == "passkey_wrong"


def test_whether_it_is_backed_up_and_used_is_seen(api: Api, ann: Person) -> None:
    phone = enrol(api, ann, Authenticator(flags=VERIFIED | (BACKED_UP & ~0x10)))
    strong = people.logged_in(ann)
    [before] = listed(api, strong)
    assert (before["backup_eligible"], before["backed_up"], before["last_used_at"]) == (True, False, None)
    opened(log_in(api, phone, flags=VERIFIED | BACKED_UP))
    [after] = listed(api, strong)
    assert (after["backed_up"], after["last_used_at"] > before["created_at"]) == (True, True)


def test_an_owner_renames_a_passkey_and_nobody_else_does(
    api: Api, ann: Person, phone: Authenticator, person: Somebody
) -> None:
    strong = people.logged_in(ann)
    [passkey] = listed(api, strong)
    path, stranger = f"{PASSKEYS}/{passkey['id']}", people.logged_in(person())
    renamed = api.user.patch(path, json={"name": "Old phone"}, token=strong)
    assert renamed.json == passkey | {"name": "Old phone"}
    assert api.user.patch(path, json={"name": "Mine"}, token=stranger).code == "passkey_not_found"
    assert api.user.delete(path, token=stranger).code == "passkey_not_found"
    for bad in ({"name": ""}, {"name": "two\nlines"}, {"name": "x" * 101}, {"name": None}, {}):
        assert api.user.patch(path, json=bad, token=strong).status_code == 422
    assert [each["name"] for each in listed(api, strong)] == ["Old phone"]
    opened(log_in(api, phone))


def test_a_deleted_passkey_opens_nothing_and_with_the_last_the_password_is_enough(
    api: Api, ann: Person, phone: Authenticator, env: Environment
) -> None:
    strong = people.logged_in(ann)
    other = enrol(api, replaced(ann, strong))
    second, first = (f"{PASSKEYS}/{each['id']}" for each in listed(api, strong))
    elsewhere = opened(log_in(api, phone))
    weak = api.user.delete(first, token=people.logged_in(ann, aal=1))
    assert (weak.status_code, weak.code) == (403, "insufficient_aal")
    assert [api.user.delete(first, token=strong).status_code for _ in range(2)] == [204, 404]
    assert api.user.get("/v1/me", token=elsewhere).code == "session_revoked"
    assert log_in(api, phone).code == "passkey_wrong"
    assert password(api, ann).status_code == 202
    assert api.user.get("/v1/me/mfa", token=strong).json["recovery_codes_left"] == 10
    assert api.user.delete(second, token=strong).status_code == 204
    assert log_in(api, other).code == "passkey_wrong"
    assert password(api, ann).status_code == 200
    assert api.user.get("/v1/me/mfa", token=strong).json == {"totp": False, "passkeys": 0, "recovery_codes_left": 0}
    removed = {"account_id": ann.id, "kind": "passkey", "reason": "removed_by_owner"}
    assert [data for name, data in events_of(env, ann.id) if name == "factor.removed.v1"] == [removed, removed]


def test_of_two_that_are_registered_at_once_the_twentieth_is_the_last(
    api: Api, ann: Person, phone: Authenticator, env: Environment
) -> None:
    strong = people.logged_in(ann)
    kept = text(
        "insert into passkeys select 'psk_' || lpad(n::text, 32, '0'), :id, decode(md5(:id || n), 'hex'), '', 0, '{}',"
        " false, false, 'Old' from generate_series(1, 17) n"
    )
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("delete from passkeys where name = 'Old'"))
        db.execute(kept, {"id": ann.id})
    begun = [begin(api, strong) for _ in range(4)]
    assert len(begun[0]["options"]["excludeCredentials"]) == 18

    def add(one: dict[str, Any]) -> Response:
        wanted = {"challenge": one["challenge"], "name": "New", "passkey": Authenticator().make(one["options"])}
        return api.user.post(PASSKEYS, json=wanted, token=strong)

    # Whoever comes first withdraws what others have begun: they begin again.
    with ThreadPoolExecutor(2) as many:
        statuses = sorted(answer.status_code for answer in many.map(add, begun[:2]))
    assert statuses == [201, 410]
    assert register(api, strong, Authenticator()).status_code == 201
    assert register_options(api, strong).code == "too_many_passkeys"
    page = api.user.get(f"{PASSKEYS}?limit=15", token=strong).json
    rest = api.user.get(f"{PASSKEYS}?limit=15&cursor={page['next_cursor']}", token=strong).json
    ids = [each["id"] for each in (*page["items"], *rest["items"])]
    assert (ids, len(ids)) == (sorted(ids, reverse=True), 20)


def test_nothing_of_it_is_changed_long_after_the_log_in_or_by_a_program(
    api: Api, ann: Person, env: Environment
) -> None:
    key = people.api_key(api, env, ann)
    begun = begin(api, ann.token)
    wanted = {"challenge": begun["challenge"], "name": "Phone", "passkey": Authenticator().make(begun["options"])}
    late = people.logged_in(ann, age=700)
    assert api.user.post(PASSKEYS, json=wanted, token=late).code == "reauthentication_required"
    assert api.user.post(PASSKEYS, json=wanted, token=key.text).code == "session_required"
    assert api.user.post(PASSKEYS, json=wanted).code == "unauthenticated"
    assert api.user.get(PASSKEYS, token=key.text).code == "session_required"


def test_a_suspended_account_gets_no_session_by_a_passkey(
    api: Api, ann: Person, phone: Authenticator, env: Environment
) -> None:
    begun = begin(api, people.logged_in(ann))
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update accounts set suspended = true where id = :id"), {"id": ann.id})
    refused = log_in(api, phone)
    assert (refused.status_code, refused.code) == (403, "account_suspended")
    wanted = {"challenge": begun["challenge"], "name": "Late", "passkey": Authenticator().make(begun["options"])}
    assert api.user.post(PASSKEYS, json=wanted, token=people.logged_in(ann)).code == "account_suspended"
    # Whoever can't prove that the account is theirs isn't told.
    assert log_in(api, phone, key=new_key(-7)).code == "passkey_wrong"


def test_what_ends_every_session_ends_registrations_that_have_begun(api: Api, ann: Person) -> None:
    begun = begin(api, ann.token)
    change = {"current_password": ann.password, "new_password": "a staple that nobody guesses"}
    assert api.user.put("/v1/me/password", json=change, token=ann.token).status_code == 204
    wanted = {"challenge": begun["challenge"], "name": "Phone", "passkey": Authenticator().make(begun["options"])}
    assert api.user.post(PASSKEYS, json=wanted, token=ann.token).code == "challenge_expired"


def test_guesses_wait_and_whoever_is_right_begins_anew(api: Api, phone: Authenticator) -> None:
    stranger = new_key(-7)
    assert [log_in(api, phone, key=stranger).status_code for _ in range(FREE - 1)] == [401] * (FREE - 1)
    opened(log_in(api, phone))
    answers = [log_in(api, phone, key=stranger) for _ in range(FREE + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE + [429]
    assert (answers[-1].code, answers[-1].headers["Retry-After"]) == ("too_many_guesses", "1")


def test_an_operator_s_reset_takes_apps_and_passkeys(
    api: Api, ann: Person, phone: Authenticator, env: Environment
) -> None:
    strong = people.logged_in(ann)
    factors.enrol(api, replaced(ann, strong))
    told = ["users", "reset-factors", ann.email, "--reason", "lost the bag"]
    said_then, said_again = (CliRunner().invoke(botberi, told).output for _ in range(2))
    assert said_then == f"{ann.id} has no second factor any more\n"
    assert said_again == f"{ann.id} had no second factor\n"
    assert log_in(api, phone).code == "passkey_wrong"
    assert password(api, ann).status_code == 200
    removed = [data for name, data in events_of(env, ann.id) if name == "factor.removed.v1"]
    assert [(each["kind"], each["reason"]) for each in removed] == [
        ("totp", "lost the bag"),
        ("passkey", "lost the bag"),
    ]


def test_neither_a_challenge_nor_a_code_nor_what_was_signed_is_kept_or_told(
    api: Api, ann: Person, env: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        phone = Authenticator()
        made = register(api, ann.token, phone).json
        begun = begin_login(api)
        signed = phone.sign(begun["options"])
        show(api, begun["challenge"], signed)
        given = begin_login(api)["challenge"]
        log_in(api, phone, key=new_key(-7))
    told = caplog.text
    assert phone.credential_id.hex() not in told
    assert websafe_encode(phone.credential_id) not in told
    with env.transaction("user_psql", "migrator") as db:
        tables = db.scalars(text("select format('%I', relname) from pg_stat_user_tables where schemaname = 'public'"))
        for table in tables.all():
            told += "".join(db.scalars(text(f"select to_jsonb(t)::text from {table} t")))
    canaries = [*made["recovery_codes"], begun["challenge"], given, signed["response"]["signature"]]
    assert made["id"] in told
    assert [canary for canary in canaries if canary in told] == []


def test_there_are_tests_for_every_algorithm() -> None:
    assert set(webauthn.ALGORITHMS) == {ES256.ALGORITHM, EdDSA.ALGORITHM, RS256.ALGORITHM}
