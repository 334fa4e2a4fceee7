"""One-time passwords of an app, by the time: RFC 6238 with SHA-1, six digits and steps of thirty seconds."""

import hmac
from typing import Final

from core.configuration import MissingSettingError
from functions.domain import sealing
from functions.domain.api_errors import Unavailable
from functions.domain.encryption import NotKeysError, NotSealedError
from functions.domain.sealing import DataKey, Sealed

KEYS_NAME: Final = "factor-master-keys"
"""The secret that holds the master keys, one a line, each as 32 bytes in Base64."""

ISSUER: Final = "Botberi"
"""What apps call the account, beside its address."""

STEP_SECONDS: Final = 30

WINDOW: Final = 1
"""By how many steps the clock of an app may differ."""


class FactorsUnavailable(Unavailable):
    """Second factors can't be used just now: whoever runs this service has to see to it."""


class CannotUseFactorsError(Exception):
    """Why second factors can't be used, and what an operator can do about it: for the log."""


def new_secret() -> str:
    """Return a secret of 160 bits for an app, in Base32."""
    import pyotp

    return pyotp.random_base32()


def uri(secret: str, email: str) -> str:
    """Return the otpauth URI from which an app takes the secret of an account."""
    import pyotp

    return pyotp.TOTP(secret, name=email, issuer=ISSUER, interval=STEP_SECONDS).provisioning_uri()


def qr_code(text: str) -> str:
    """Return a text as a QR code: an SVG element."""
    import segno

    return segno.make_qr(text).svg_inline(scale=4)


def step_of(secret: str, code: str, *, at: float, after: int) -> int | None:
    """Return the step that a code is of: the first that is later than `after` and no more than WINDOW from `at`.

    `at` is in seconds since 1970. None if it is of no such step.
    """
    import pyotp

    passwords, now = pyotp.TOTP(secret, interval=STEP_SECONDS), int(at // STEP_SECONDS)
    # All are compared, whichever fits: how long it takes tells nothing.
    fitting = [
        step
        for step in range(now - WINDOW, now + WINDOW + 1)
        if hmac.compare_digest(passwords.generate_otp(step).encode(), code.encode()) and step > after
    ]
    return fitting[0] if fitting else None


def code(secret: str, *, at: float) -> str:
    """Return the code that an app shows at a time, in seconds since 1970."""
    import pyotp

    return pyotp.TOTP(secret, interval=STEP_SECONDS).at(at)


def seal(account_id: str, secret: str) -> Sealed:
    """Return the secret of an account sealed. Raises FactorsUnavailable."""
    try:
        keys = sealing.master_keys(KEYS_NAME)
    except (NotKeysError, MissingSettingError) as error:
        raise FactorsUnavailable from CannotUseFactorsError(str(error))
    return sealing.seal(keys, secret.encode(), bound_to(account_id))


def unseal(account_id: str, key_id: str, wrapped_key: bytes, sealed: bytes) -> str:
    """Return the secret of an account. Raises FactorsUnavailable."""
    value = Sealed(DataKey(key_id, wrapped_key), sealed)
    try:
        return sealing.unseal(sealing.master_keys(KEYS_NAME), value, bound_to(account_id)).decode()
    except (NotSealedError, NotKeysError, MissingSettingError) as error:
        raise FactorsUnavailable from CannotUseFactorsError(f"the factor of {account_id} can't be used: {error}")


def bound_to(account_id: str) -> bytes:
    """Return what the secret of an account and its data key are bound to, so that they can be opened nowhere else."""
    return f"botberi totp secret 1 {account_id}".encode()
