"""Lives of instances, made up of what people, operators, workers, hosts, platforms and the clock may do at any moment.

Workers and senders of messages are threads that stand still between any two of their acts, so that everything else may
happen in between: others take over their lease, they die, or come too late. What is promised, and where it is held:

- a deletion is accepted in every status, and asking twice is asking once (`Play.delete`);
- what ends by itself has a deadline; what is not as it is wanted is due within seconds, so that the sweep finds it
  though every job is lost (`rows.check`, `sweep`);
- an end is one: nothing is written over what is deleted, nor over what was given up until somebody asks
  (`rows.check_step`, `Play.check_worker`);
- only a worker writes a status, and only with the lease on the row as it has read it; one that comes too late writes
  nothing (`Play.judge`);
- each change is a row of the history and an event, of one id and number, without a gap and in order, so that whoever
  follows an instance sees numbers that rise (`rows.check`);
- the newest generation is what is wanted, and what was accepted is never lost (`Play.check_accepted`);
- a stop or deletion is kept before it is acknowledged: from then on no message is taken and nothing is started
  (`ask`, `say`, `write`), and what was ended answers nothing more (`arrive`);
- an answer comes from the generation that serves, with its secrets (`say`, `arrive`);
- whoever is under a kill switch takes no message, is not started, and is asked to stop (`engage`, `operate`);
- an account has what it has created and not deleted, and never more than it may have (`Play.check_quotas`);
- of what is deleted or was not changed to, neither config nor secret is kept (`rows.check`);
- an image that an instance uses is never removed, and one that none uses is, whoever died over it (`tend_platform`);
- a job may be done twice, or never: in the end everything arrives where it is wanted (`teardown`).
"""

import sys
from http import HTTPStatus
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from functions.domain.instances.deadlines import OFFERED
from functions.jobs import converge, versions
from functions.tests.lifecycles.lives import Message, Spec, Switch, Worker
from functions.tests.lifecycles.play import Play
from functions.tests.lifecycles.stepped import Order
from functions.tests.lifecycles.world import BROKEN_IMAGE, BUNDLES, IMAGE
from shared_psql_models.statuses import Status
from testing.responses import Response
from tools.documents import Document

WHICH: Final = st.integers(0, 5)
"""One of however many there are."""

ORDERS: Final = st.sampled_from([*[Order.GO] * 8, *Order])
NUMBERS: Final = st.sampled_from([*BUNDLES, *BUNDLES, IMAGE, IMAGE, BROKEN_IMAGE])
SAID: Final = st.sampled_from(["first", "second", "third", "raise"])
KEYS: Final = st.sampled_from([None, "hunter2-hunter2", "another-hunter2"])
PASSED: Final = st.sampled_from([1, 3, 10, 31, 61, 301, 601])

ETAGS: Final = st.sampled_from(["present", "any", "an old one"])
DONE: Final = st.booleans()
"""Whether a job is done at once."""

AT_WORK: Final = 3
"""Workers, and messages on their way, at a time."""


class Lifecycles(Play):
    """All that may happen to instances of two owners."""

    # What people ask for

    @initialize(number=st.sampled_from(BUNDLES), key=KEYS)
    def begin(self, number: str, key: str | None) -> None:
        """There is an instance that can run."""
        self.launch(self.owners[0], Spec(number, "first", key))

    @rule(owner=WHICH, number=NUMBERS, said=SAID, key=KEYS)
    def create(self, owner: int, number: str, said: str, key: str | None) -> None:
        """Create an instance: no account has more than it may have, and nothing is created under a kill switch."""
        self.launch(self.owners[owner % 2], Spec(number, said, key))

    @rule(which=WHICH, verb=st.sampled_from(["start", "start", "stop", "restart", "restart", "delete"]), done=DONE)
    def ask(self, which: int, verb: str, *, done: bool) -> None:
        """Start, stop, restart, delete: kept before it is acknowledged; nothing starts under a kill switch."""
        known = self.one_of_them(which)
        if verb == "delete":
            return self.delete(known)
        answer = self.user.post(f"{known.path}/{verb}", token=known.owner.token)
        if known.desired == "deleted":
            return self.check_refused(answer, "instance_deleted")
        if verb != "stop" and self.is_switched(known.owner.id, {self.seen[known.id].version_id}):
            return self.check_refused(answer, "stopped_by_operator")
        assert answer.status_code == 202, answer.text
        known.desired = "stopped" if verb == "stop" else "running"
        if verb == "restart":
            known.specs[max(known.specs) + 1] = known.wanted
        return self.run_job(known) if done else None

    @rule(which=WHICH, number=st.one_of(st.none(), NUMBERS), said=st.one_of(st.none(), SAID), etag=ETAGS, done=DONE)
    def change(self, which: int, number: str | None, said: str | None, etag: str, *, done: bool) -> None:
        """Change version and config: by an old ETag nothing is changed, and nothing becomes what is not to run."""
        known = self.one_of_them(which)
        read = self.user.get(known.path, token=known.owner.token).headers["ETag"]
        known.etags.append(read)
        sent = {"present": read, "any": "*", "an old one": known.etags[0]}[etag]
        body: Document = {"name": "y"}
        body |= {} if number is None else {"version": number}
        body |= {} if said is None else {"config": {"said": said}}
        answer = self.user.patch(known.path, json=body, token=known.owner.token, headers={"If-Match": sent})
        before = known.wanted
        after = Spec(number or before.number, said or before.said, before.key)
        if sent not in {read, "*"}:
            return self.check_refused(answer, "instance_changed_meanwhile")
        if known.desired == "deleted":
            return self.check_refused(answer, "instance_deleted")
        version = self.world.versions[after.number]
        if after.number != before.number and self.is_switched(known.owner.id, {version}):
            return self.check_refused(answer, "stopped_by_operator")
        assert answer.status_code == HTTPStatus.OK, answer.text
        self.renew(known, after)
        return self.run_job(known) if done else None

    @rule(which=WHICH, key=KEYS)
    def change_secret(self, which: int, key: str | None) -> None:
        """Give its secret another value, or take it away: that is a new generation unless it is so already."""
        known = self.one_of_them(which)
        path = f"{known.path}/secrets/key"
        if key is None:
            answer = self.user.delete(path, token=known.owner.token)
        else:
            answer = self.user.put(path, json={"value": key}, token=known.owner.token)
        if known.desired == "deleted":
            return self.check_refused(answer, "instance_deleted")
        assert answer.status_code in {200, 204}, answer.text
        self.renew(known, Spec(known.wanted.number, known.wanted.said, key))
        return None

    @rule(which=WHICH, words=st.sampled_from(["hello", "hello", "die"]))
    def say(self, which: int, words: str) -> None:
        """Send a message: it is answered by what serves, and by nothing that was asked to stop or is not to run."""
        known = self.one_of_them(which)
        row = self.seen[known.id]
        answer = self.send(known, words)
        assert isinstance(answer, Response)
        if code := self.code_for_messages(known, row):
            self.check_refused(answer, code)
        elif not self.host_there:
            assert (answer.json["status"], answer.json["reason"]) == ("queued", "agent_unavailable")
        elif answer.json["status"] != "completed" and known.specs[row.observed_generation or 0].number == IMAGE:
            # The platform may have lost it; whoever finds that has it looked after.
            assert answer.json["status"] in {"queued", "failed"}
        elif words == "die" and known.specs[row.observed_generation or 0].number != IMAGE:
            assert (answer.json["status"], answer.json["reason"]) == ("failed", "agent_failed")
        else:
            assert answer.json["status"] == "completed", answer.text
            assert answer.json["text"] == known.specs[row.observed_generation or 0].answer

    @precondition(lambda self: len(self.messages) < AT_WORK)
    @rule(which=WHICH)
    def write(self, which: int) -> None:
        """Send a message that is slow on its way to the agent."""
        known = self.one_of_them(which)
        row = self.seen[known.id]
        thread = self.step(lambda: self.send(known, "hello"))
        if thread.place:
            assert self.code_for_messages(known, row) is None, "a message was accepted that must not be"
            spec = known.specs[row.observed_generation or 0]
            self.messages.append(Message(known, thread, spec, self.ended.get(known.id, 0)))

    @precondition(lambda self: self.messages)
    @rule(which=WHICH, order=ORDERS)
    def arrive(self, which: int, order: Order) -> None:
        """A message comes to the agent: never to one that was ended since, nor to another than it was meant for."""
        message = self.messages.pop(which % len(self.messages))
        message.thread.advance(order)
        answer = message.thread.result
        if order == Order.DIE:
            return
        assert isinstance(answer, Response)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            assert message.of.desired == "deleted", "nobody has deleted it, but its runs aren't shown any more"
        elif answer.json["status"] == "completed":
            assert order == Order.GO
            assert answer.json["text"] == message.spec.answer
            assert message.ended == self.ended.get(message.of.id, 0), "what was ended has answered"
        elif order in {Order.FAILS, Order.TIMES_OUT}:
            assert answer.json["reason"] == "agent_failed"
        elif order == Order.GO and message.spec.number == IMAGE:
            # The platform may have lost it meanwhile.
            assert answer.json["status"] in {"queued", "failed"}
        elif order == Order.ANSWER_LOST and message.ended == self.ended.get(message.of.id, 0):
            assert answer.json["status"] == "failed", "the agent has had it, and may have it again"
        else:
            # Nothing came to the agent: of one that was ended since, the host refuses it, which is no answer of its.
            assert answer.json["status"] == "queued"

    # What operators do

    @rule(scope=st.sampled_from(["everything", "owner", "version", "suspension"]), owner=WHICH, number=NUMBERS)
    def engage(self, scope: str, owner: int, number: str) -> None:
        """Engage a kill switch, or suspend an account: what it concerns refuses everything from that answer on."""
        account = self.owners[owner % 2].id
        if scope == "suspension":
            return self.suspend(account)
        target = {
            "everything": {},
            "owner": {"owner_id": account},
            "version": {"version_id": self.world.versions[number]},
        }[scope]
        body = {"scope": scope, "reason": "A test."} | target
        answer = self.admin.post("/v1/admin/kill-switches", json=body, token=self.operator.token)
        named = "".join(target.values())
        if any((each.scope, each.target) == (scope, named) for each in self.switches):
            return self.check_refused(answer, "kill_switch_engaged_already")
        assert answer.status_code == 201, answer.text
        self.switches.append(Switch(answer.json["id"], scope, named))
        return None

    @precondition(lambda self: self.switches)
    @rule(which=WHICH, done=st.sampled_from(["applied", "released", "released", "released and applied"]))
    def operate(self, which: int, done: str) -> None:
        """What a switch concerns is asked to stop, once or twice; one that is released stops nothing any more."""
        switch = self.switches[which % len(self.switches)]
        if done == "applied":
            self.apply_switch(switch)
        else:
            self.release(switch)
        if done == "released and applied":
            self.deliver_engaged(switch)

    # What workers, hosts and the clock do

    @precondition(lambda self: len(self.workers) < AT_WORK)
    @rule(which=WHICH)
    def begin_job(self, which: int) -> None:
        """A job comes, whether it was sent once, twice, or never and found by the sweep."""
        known = self.one_of_them(which)
        self.judge(Worker(known, self.step(lambda: converge.converge(known.id))))

    @precondition(lambda self: self.workers)
    @rule(which=WHICH, order=ORDERS, acts=st.integers(1, 3), leaves=st.sampled_from([False, False, False, True]))
    def work(self, which: int, order: Order, acts: int, *, leaves: bool) -> None:
        """A worker goes on by some acts: what it asks for may not arrive, or fail; it may be told to end."""
        worker = self.workers[which % len(self.workers)]
        worker.thread.leaving |= leaves
        for _ in range(acts):
            self.advance(worker, order)

    @rule(which=WHICH, passed=PASSED, order=ORDERS)
    def job(self, which: int, passed: int, order: Order) -> None:
        """A job is done, some time after; its first call may be lost, or fail, or the worker die over it."""
        self.let_pass(passed)
        self.run_job(self.one_of_them(which), order)

    @rule(passed=PASSED, done=st.booleans())
    def sweep(self, passed: int, *, done: bool) -> None:
        """Whatever is due and in nobody's hands is offered to the workers, who do it, or lose it."""
        self.let_pass(passed)
        self.look()
        offered = self.swept()
        for row in self.seen.values():
            in_hands = row.leased or (row.queued is not None and row.queued < OFFERED)
            if row.status != Status.DELETED and row.due_in < 0 and not in_hands:
                assert row.id in offered, f"what is due was not offered: {row}"
            if row.status == Status.DELETED or row.leased:
                assert row.id not in offered, "was offered to the workers though there is nothing to do"
        for known in self.known:
            if done and known.id in offered:
                self.run_job(known)

    @rule(done=st.sampled_from(["sweep", "sweep for orphans", "lose everything"]))
    def tend_platform(self, done: str) -> None:
        """Images that nothing uses are removed, and no others; the platform may lose them all."""
        platform = self.world.platform
        if done == "lose everything":
            return platform.lose_everything()
        running = [self.seen[each.id] for each in self.known if each.desired == "running"]
        used = {version for row in running for version, _ in row.specs.values()}
        there = {version for version in used if platform.has(version)}
        versions.sweep() if done == "sweep" else versions.sweep_orphans()
        assert all(map(platform.has, there)), "what is used was removed"
        return None

    @rule(there=st.sampled_from([True, True, True, False]))
    def lose_or_regain_host(self, *, there: bool) -> None:
        """The agent host goes away, or comes back."""
        self.have_host(there=there)

    @invariant()
    def everything_is_as_it_may_be(self) -> None:
        """Rows, history, events and secrets agree with each other, and with what was accepted."""
        self.world.steps += 1
        if not self.fresh:
            self.look()
        self.fresh = False

    def teardown(self) -> None:
        """End all faults and see that everything arrives where it is wanted; then that nothing is left of it."""
        failed = sys.exc_info()[0] is not None
        try:
            for thread in self.threads:
                thread.advance(Order.DIE)
            if self.known and not failed:
                self.look()
                self._arrive_all()
        finally:
            self.world.env.forget_kill_switches()
            self.world.reach_host(True)
            for each in self.threads:
                each.end()
            self.world.forget([each.id for each in self.known])

    def _arrive_all(self) -> None:
        self.have_host(there=True)
        for switch in list(self.switches):
            self.apply_switch(switch)
        self.settle()
        for switch in list(self.switches):
            self.release(switch)
        for known in self.known:
            row = self.seen[known.id]
            if known.desired == "running" and row.status == Status.FAILED:
                # Others than itself may have failed it: it gets a new try.
                assert self.user.post(f"{known.path}/start", token=known.owner.token).status_code == 202
        self.settle()
        for number, known in enumerate(self.known):
            if known.desired == "running":
                failed = self.seen[known.id].status == Status.FAILED
                assert failed != known.wanted.starts, f"{self.seen[known.id].message}"
                self.say(number, "hello")
                if known.wanted.number == IMAGE:
                    self.run_job(known)
                    assert self.send(known, "hello").json["status"] == "completed"
        for known in self.known:
            self.delete(known)
        self.settle()
        versions.sweep()
        versions.sweep_orphans()
        assert self.world.platform.functions == {}, "something of a version is left that nothing uses"
