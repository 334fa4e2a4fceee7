"""The same row with FastAPI, uvicorn and asyncpg."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel


class Row(BaseModel):
    """A row."""

    id: str
    name: str
    summary: str


@asynccontextmanager
async def pool(app: FastAPI) -> AsyncIterator[None]:
    """Open as many connections as a function has."""
    address, _, database = os.environ["SHARED_PSQL_URL"].partition("/")
    host, _, port = address.partition(":")
    app.state.pool = await asyncpg.create_pool(
        host=host,
        port=int(port),
        database=database,
        user="botberi_user",
        password=os.environ["SHARED_PSQL_USER"],
        min_size=3,
        max_size=3,
    )
    yield


app = FastAPI(lifespan=pool)


@app.get("/rows/{key}")  # type: ignore[untyped-decorator]  # not installed beside the other tools
async def read_row(key: str) -> Row:
    """Read it."""
    async with app.state.pool.acquire() as connection:
        found = await connection.fetchrow("select id, name, summary from rows where id = $1", key)
    return Row(**dict(found))


@app.get("/_/health")  # type: ignore[untyped-decorator]  # the same
async def health() -> str:
    """Tell that the process serves."""
    return "ok"
