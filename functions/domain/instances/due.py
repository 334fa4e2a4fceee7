"""What is due: instances that a worker should look at, because somebody wants something of them and the job was lost,
or because a lease, a pause or a deadline has passed.
"""

from typing import Final

from sqlalchemy import text

from functions.domain.databases import SharedDb
from functions.domain.instances.deadlines import OFFERED

# An index can be searched by now(), which stays the same in a statement, and not by clock_timestamp(): so nothing but
# what is due is read, however many instances rest. Each offer is a transaction of its own, so that the two are one.
#
# Rows that another sweep is looking at right now are skipped, and those it has just offered are left alone: any number
# of sweeps may run at once, and a backlog of jobs doesn't grow by being looked at. Who only refers to an instance, as a
# run that is being accepted does, is no reason to skip it.
_OFFER: Final = text(
    """
    with due as (
      select id from instances
      where status <> 'deleted' and due_at <= now()
        and (lease_expires_at is null or lease_expires_at < clock_timestamp())
        and (queued_at is null or queued_at < clock_timestamp() - make_interval(secs => :seconds))
      order by due_at
      limit :limit
      for no key update skip locked
    )
    update instances set queued_at = clock_timestamp()
    from due where instances.id = due.id
    returning instances.id
    """
)


def offer(db: SharedDb, limit: int) -> list[str]:
    """Return the ids of up to `limit` instances that are due, and note that they were handed to the workers."""
    return list(db.scalars(_OFFER, {"limit": limit, "seconds": OFFERED}))
