"""Settings and secrets, read when they are needed and never at import.

A setting is an environment variable. A secret is a file: in `/var/openfaas/secrets` on OpenFaaS and Knative, or in the
folder that `BOTBERI_SECRETS` names. A generated Knative manifest may mount a secret as a folder that holds the file
under the secret's own name. For local runs an environment variable of the secret's name in capitals serves as well.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

SECRETS_FOLDER: Final = "/var/openfaas/secrets"

DELIVERY_KEYS: Final = "delivery-signing-keys"
"""The secret by which the dispatcher signs deliveries, and subscribers know it."""

OBJECT_STORE_KEY: Final = "object-store-key"
"""The secret that has the access key of S3: its id and, after a space, the key. Empty, AWS's own places are asked."""


class MissingSettingError(Exception):
    """A setting or secret that this part can't run without is not there."""


def setting(name: str, default: str | None = None) -> str:
    """Return the environment variable `name`, or `default`; without either, say what is missing."""
    value = os.environ.get(name, default)
    if value is None:
        message = f"the environment variable {name} is not set"
        raise MissingSettingError(message)
    return value


def secret(name: str) -> str:
    """Return the secret `name`, without a line end after it."""
    folder = os.environ.get("BOTBERI_SECRETS", SECRETS_FOLDER)
    for place in (f"{folder}/{name}", f"{folder}/{name}/{name}"):
        # Read at once, without a look before whether it is there: each request reads several anew.
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return Path(place).read_bytes().decode().rstrip("\r\n")
    value = os.environ.get(name.upper().replace("-", "_"))
    if value is None:
        message = f"the secret {name} is missing: expected a file {folder}/{name}"
        raise MissingSettingError(message)
    return value
