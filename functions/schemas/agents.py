"""What is said of agents, and how they are looked for: the shapes that several endpoints share."""

from typing import Annotated, Final

from pydantic import Field

from functions.domain.catalog.agents import MAX_TAG, TAG, Wanted
from functions.schemas.base import LINE, PageQuery

MAX_TAGS: Final = 20

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE)]

Summary = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]

Description = Annotated[str, Field(max_length=10_000, description="Markdown.")]

FEATURED_MOST: Final = 1000

FeaturedRank = Annotated[
    int,
    Field(
        ge=0,
        le=FEATURED_MOST,
        description="Where it stands among those that are shown first: 1 before 2. 0: it isn't among them.",
        examples=[1],
    ),
]

_Word = Annotated[str, Field(pattern=TAG, max_length=MAX_TAG)]

Tags = Annotated[
    list[_Word], Field(max_length=MAX_TAGS, description="What it is about.", examples=[["writing", "english"]])
]
Capabilities = Annotated[
    list[_Word], Field(max_length=MAX_TAGS, description="What it can do.", examples=[["streaming"]])
]


class AgentQuery(PageQuery):
    """What to look for, and which page of it."""

    q: Annotated[
        str | None,
        Field(
            max_length=100,
            description="Words that must all occur in the agent's name, slug, tags, capabilities, summary or "
            "description, whole or in part. First come those that are named so.",
            examples=["questions"],
        ),
    ] = None
    tag: Annotated[
        str | None, Field(pattern=TAG, max_length=MAX_TAG, description="Only those with this tag.", examples=["faq"])
    ] = None
    capability: Annotated[
        str | None, Field(pattern=TAG, max_length=MAX_TAG, description="Only those that can do this.")
    ] = None
    featured: Annotated[
        bool, Field(description="Only those that curators want to be seen first, in the order that they give.")
    ] = False

    def wanted(self, *, unlisted: bool = False) -> Wanted:
        """Return what is looked for."""
        return Wanted(self.q or "", self.tag, self.capability, unlisted, self.featured)
