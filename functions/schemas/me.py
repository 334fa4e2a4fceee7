"""One's own account as it is shown."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from functions.schemas.base import Reply


class Me(Reply):
    """The caller's account."""

    untold: ClassVar[frozenset[str]] = frozenset({"email", "new_email", "name"})

    id: str
    email: str
    email_verified: Annotated[bool, Field(description="Whether you have shown that mail to the address reaches you.")]
    new_email: Annotated[
        str | None, Field(description="For which you have asked, until both addresses have confirmed it.")
    ]
    name: Annotated[str | None, Field(description="As you want to be called.")]
    locale: Annotated[str | None, Field(description="Your language, as a tag of BCP 47.", examples=["de-AT"])]
    timezone: Annotated[str | None, Field(description="A name of IANA's database.", examples=["Europe/Vienna"])]
    scopes: tuple[str, ...]
    created_at: datetime
    state: Annotated[str, Field(exclude=True)]

    @override
    def etag(self) -> str:
        """Return what is another text as soon as any of it is another."""
        return self.state
