"""POST /v1/me/passkeys: register a passkey."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, challenges, factors, passkeys, webauthn
from functions.domain.accounts.passkeys import Registration
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Body
from functions.schemas.passkeys import Challenge, NewPasskey, Passkey, PasskeyName


class PasskeyToRegister(Body):
    """The challenge of `POST /v1/me/passkeys/options`, the passkey that was made for it, and a name."""

    challenge: Challenge
    name: PasskeyName
    passkey: NewPasskey


class RegisteredPasskey(Passkey):
    """The new passkey, and recovery codes if it is the account's first second factor; they are shown this one time."""

    recovery_codes: Annotated[
        list[str],
        Field(
            description="Each stands in once for the second factor. Empty where there was one before: its codes stay.",
            examples=[["k3fw-7d2q-xn5c-ab6l-uz4e-rt2y-gm"]],
        ),
    ]


# The transaction is the handler's own, and so no Idempotency-Key is taken: its answer would be kept, and the codes too.
@endpoint(
    "POST",
    "/v1/me/passkeys",
    status=201,
    errors=(
        *(InsufficientAal, accounts.AccountSuspended, accounts.AccountDeleted, challenges.ChallengeExpired),
        *(passkeys.PasskeyInvalid, passkeys.PasskeyKnownAlready, passkeys.TooManyPasskeys),
    ),
    resources=Resources(settings=webauthn.SETTINGS, group="function-factors"),
)
def create_passkey(
    caller: RecentUser, wanted: PasskeyToRegister, audit: Audit, transaction: UserTransactions
) -> RegisteredPasskey:
    """Have log-ins need more than the password, and end the caller's other sessions. An account may have twenty."""
    with transaction() as db:
        caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
        new = Registration(
            wanted.challenge, wanted.name, wanted.passkey.attestation(), wanted.passkey.response.transports
        )
        passkey, codes = passkeys.add(db, caller.id, caller.session_id, new)
        audit.about(passkey.id)
        audit.enter(db)
    return RegisteredPasskey(**vars(passkey), recovery_codes=codes)
