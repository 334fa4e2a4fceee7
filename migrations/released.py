"""Functions as an earlier revision made them, for revisions that change them or take a change back."""


def functions(sql: str, first: str, behind: str) -> str:
    """Return the functions in `sql` from the one whose text begins with `first` up to `behind`, to replace the present.

    Raises ValueError when either isn't there.
    """
    start = sql.index(f"create function {first}")
    return sql[start : sql.index(behind)].replace("create function", "create or replace function")
