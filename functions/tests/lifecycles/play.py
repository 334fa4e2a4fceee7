"""How instances are acted on and looked at, whatever it is that happens to them."""

from collections.abc import Callable
from typing import ClassVar

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import text

from core.ids import new_id
from functions.jobs import converge, sweep
from functions.runtime import agent_host_client
from functions.tests.lifecycles import rows
from functions.tests.lifecycles.lives import Known, Message, Spec, Switch, Worker
from functions.tests.lifecycles.rows import Row
from functions.tests.lifecycles.stepped import Order, Stepped
from functions.tests.lifecycles.world import INSTANCES, World
from shared_psql_models.statuses import Status
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response


class Play(RuleBasedStateMachine):
    """Some instances of two owners, everybody who is at work on them, and what is known of both."""

    world: ClassVar[World]
    """Where they are lived, as long as a test runs."""

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        self.user, self.admin, self.db = world.api.user, world.api.admin, world.db
        self.since = world.newest_event()
        self.owners = [world.person(), world.person()]
        self.operator = world.person("admin")
        self.known: list[Known] = []
        self.workers: list[Worker] = []
        self.messages: list[Message] = []
        self.switches: list[Switch] = []
        self.threads: list[Stepped] = []
        """All there have been, whatever became of them."""
        self.seen: dict[str, Row] = {}
        self.ended: dict[str, int] = {}
        self.host_there = True
        self.fresh = False
        """Whether nothing has happened since the rows were read."""
        self.world.jobs.clear()
        self.world.reach_host(True)
        self.world.platform.lose_everything()

    def step(self, work: Callable[[], object]) -> Stepped:
        """Begin something that stands still between its acts."""
        self.threads.append(Stepped(work))
        return self.threads[-1]

    def check_quotas(self) -> None:
        for owner in self.owners:
            usage = self.user.get("/v1/me/usage", token=owner.token).json["usage"]["instances"]
            assert usage == {"used": self.present(owner), "limit": INSTANCES}

    def have_host(self, *, there: bool) -> None:
        self.host_there = there
        self.world.reach_host(there)

    def let_pass(self, seconds: int) -> None:
        """Let leases, deadlines and pauses run out."""
        self.world.move_clock(seconds, [each.id for each in self.known])

    def release(self, switch: Switch) -> None:
        if switch.scope == "suspension":
            self.tell_of_account("restored", switch.target)
        else:
            path = f"/v1/admin/kill-switches/{switch.id}/release"
            assert self.admin.post(path, json={"reason": "A test."}, token=self.operator.token).status_code == 200
        self.switches.remove(switch)

    def suspend(self, account: str) -> None:
        self.tell_of_account("suspended", account)
        if not any((each.scope, each.target) == ("suspension", account) for each in self.switches):
            query = (
                "select id from kill_switches where (scope, target) = ('suspension', :account) and released_at is null"
            )
            self.switches.append(Switch(str(self.db.scalar(text(query), {"account": account})), "suspension", account))

    def delete(self, known: Known) -> None:
        """Deleting is accepted in every status, twice is once, and it makes room for another at once."""
        answer = self.user.delete(known.path, token=known.owner.token)
        assert answer.status_code == 202, answer.text
        known.desired = "deleted"
        self.check_quotas()

    def launch(self, owner: Person, spec: Spec) -> None:
        config = {"said": spec.said} | ({} if spec.key is None else {"key": spec.key})
        body = {"agent": self.world.slug, "name": "x", "version": spec.number, "config": config}
        answer = self.user.post("/v1/instances", json=body, token=owner.token)
        present = self.present(owner)
        if self.is_switched(owner.id, {self.world.versions[spec.number]}):
            self.check_refused(answer, "stopped_by_operator")
        elif present >= INSTANCES:
            self.check_refused(answer, "quota_exceeded")
        else:
            assert answer.status_code == 201, answer.text
            made = Known(answer.json["id"], owner, "running", {1: spec}, [])
            self.known.append(made)
            self.check_quotas()

    def one_of_them(self, which: int) -> Known:
        return self.known[which % len(self.known)]

    def check_refused(self, answer: Response, code: str) -> None:
        assert answer.status_code >= 400, f"accepted, though it is to be refused as {code}: {answer.text}"
        assert answer.code == code, answer.text

    def present(self, owner: Person) -> int:
        return sum(each.owner is owner and each.desired != "deleted" for each in self.known)

    def send(self, known: Known, words: str) -> Response:
        return Launched(known.id, known.owner, self.world.api, self.world.env).say(words)

    def code_for_messages(self, known: Known, row: Row) -> str | None:
        """Return the code of the API error that a message gets; None where it is taken."""
        if row.status == Status.DELETED:
            return "instance_not_found"
        if self.is_switched(known.owner.id, row.versions):
            return "stopped_by_operator"
        serves = row.status in {Status.RUNNING, Status.UPDATING}
        return None if known.desired == "running" and serves else "instance_not_running"

    def is_switched(self, owner_id: str, versions: set[str]) -> bool:
        return any(each.concerns(owner_id, versions) for each in self.switches)

    def renew(self, known: Known, spec: Spec) -> None:
        if spec != known.wanted:
            known.specs[max(known.specs) + 1] = spec

    def apply_switch(self, switch: Switch) -> None:
        self.look()
        for known in self.known:
            if known.desired == "running" and switch.concerns(known.owner.id, self.seen[known.id].versions):
                known.desired = "stopped"
        self.deliver_engaged(switch)

    def deliver_engaged(self, switch: Switch) -> None:
        facts = {"kill_switch_id": switch.id, "concerns": switch.scope, "target": switch.target, "reason": "A test."}
        self._deliver("apply_kill_switch", "kill_switch.engaged", switch.id, facts)

    def tell_of_account(self, happened: str, account_id: str) -> None:
        facts = {"account_id": account_id, "reason": "A test."}
        self._deliver("suspend_instances", f"account.{happened}", account_id, facts, database="user_psql")

    def _deliver(
        self, function: str, kind: str, subject: str, facts: dict[str, str], database: str = "shared_psql"
    ) -> None:
        self.fresh = False
        event = {
            "specversion": "1.0",
            "id": new_id("evt"),
            "source": f"/botberi/{database}",
            "type": f"com.botberi.{kind}.v1",
            "subject": subject,
            "time": "2026-01-01T00:00:00Z",
            "actor": self.operator.id,
            "data": facts,
        }
        assert self.world.api.deliver(function, event).status_code == 200

    def swept(self) -> list[str]:
        self.world.jobs.clear()
        sweep.sweep()
        ours = {each.id for each in self.known}
        return [each for each in self.world.jobs if each in ours]

    def run_job(self, known: Known, order: Order = Order.GO) -> None:
        """Have a job done to its end; its first call goes as `order` says."""
        self.look()
        worker = Worker(known, self.step(lambda: converge.converge(known.id)))
        self.judge(worker)
        for _ in range(60):
            if not worker.thread.place:
                return
            if worker.thread.place == "resting":
                self.let_pass(2)
            now, order = (order, Order.GO) if worker.thread.place.startswith("calling") else (Order.GO, order)
            self.advance(worker, now)
        raise AssertionError(f"a job that never ends: {self.seen[known.id]}")

    def advance(self, worker: Worker, order: Order) -> None:
        worker.thread.advance(order)
        self.judge(worker)

    def judge(self, worker: Worker) -> None:
        """Note what a worker did, which may be something only if the lease was its own when it began to."""
        before = self.seen[worker.of.id]
        self.look(worker)
        after = self.seen[worker.of.id]
        if before.lease_owner is None or before.lease_owner != worker.lease_owner:
            assert after.written == before.written, "somebody without the lease has written"
        if worker.thread.place == "converge.claimed" and after.lease_owner != before.lease_owner:
            worker.lease_owner = after.lease_owner
        if worker.thread.place and worker not in self.workers:
            self.workers.append(worker)
        elif not worker.thread.place and worker in self.workers:
            self.workers.remove(worker)

    def look(self, worker: Worker | None = None) -> None:
        """Read the rows, and check whatever has to be true of them."""
        found = rows.read(self.db, [each.id for each in self.known], self.since)
        for known in self.known:
            row, before = found[known.id], self.seen.get(known.id)
            self.seen[known.id] = row
            try:
                if before is not None:
                    rows.check_step(before, row)
                    self.check_worker(known, before, row, worker)
                rows.check(row)
                self.check_accepted(known, row)
            except AssertionError:
                note(f"before: {before}\nafter: {row}")
                raise
        self.fresh = True

    def check_worker(self, known: Known, before: Row, row: Row, worker: Worker | None) -> None:
        """Fail unless a change of status is one that the worker who has made it may make."""
        if before.status != row.status:
            assert worker is not None, "somebody else than a worker has written a status"
            assert before.lease_owner == worker.lease_owner, "a worker without its lease has written a status"
        if row.reason == "update_rolled_back" and row.generation > before.generation:
            known.specs[row.generation] = known.specs[before.observed_generation or 0]
        if before.status == Status.FAILED and row.status != Status.FAILED:
            assert before.attempts == 0 or known.desired != "running", "what was given up goes on by itself"
        if row.status != before.status:
            self.world.reached[f"{before.status} > {row.status}: {row.reason}"] += 1
        if row.status != before.status and row.reason in {"agent_stopped", "removed"}:
            self.ended[known.id] = self.ended.get(known.id, 0) + 1
            if self.host_there:
                assert agent_host_client.awake(known.id) == 0, "something is awake of what was ended"

    def check_accepted(self, known: Known, row: Row) -> None:
        """What was accepted is what is wanted, and the newest of it."""
        assert row.desired_state == known.desired
        assert row.generation == max(known.specs), f"{row.generation} is wanted, and {known.specs} were"
        if row.specs:
            version, config = row.specs[row.generation]
            assert version == self.world.versions[known.wanted.number]
            assert config["said"] == known.wanted.said

    def settle(self) -> None:
        """Let jobs that the sweep finds be done until there is nothing left to do."""
        for _ in range(12):
            self.let_pass(700)
            for instance_id in self.swept():
                self.run_job(next(each for each in self.known if each.id == instance_id))
            self.look()
            if all(row.settled and row.due_in > 0 for row in self.seen.values()):
                return
        raise AssertionError(f"never settles: {[row for row in self.seen.values() if not row.settled]}")
