"""What endpoints say about OpenID providers, and what they take of their answers."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.accounts.openid import Answer
from functions.schemas.base import Body, Reply
from functions.schemas.passkeys import Challenge

ProviderId = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,31}$",
        description="The word for the provider, as GET /v1/auth/oidc tells it.",
        examples=["example"],
    ),
]


class ProviderAnswer(Body):
    """What a provider has sent the browser back with, and the challenge with which that began."""

    challenge: Challenge
    code: Annotated[str, Field(min_length=1, max_length=4096, examples=["SplxlOBeZQQYbYS6WxSbIA"])]
    state: Annotated[str, Field(min_length=1, max_length=128, examples=["af0ifjsldkj"])]
    iss: Annotated[
        str | None,
        Field(min_length=1, max_length=2048, description="If the address has it.", examples=["https://id.example.com"]),
    ] = None

    def told(self) -> Answer:
        """Return it as it is checked."""
        return Answer(self.challenge, self.code, self.state, self.iss)


class Identity(Reply):
    """A provider by which an account is logged in to."""

    provider: ProviderId
    issuer: str
    created_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="When it was last used to log in.")]
