// What waits for whoever is logged in: instances that can't go on by themselves, questions of agents, and budgets.

import { ok, user } from "../lib/api";
import { useFresh, useLoaded } from "../lib/loading";
import { to } from "../lib/router";
import { me } from "../lib/session";
import type { components } from "../schema/user";
import { Empty, Heading, Pill, Section, Shown, Time } from "../parts/basics";
import { fractionOf } from "./budget";
import { ofInstances, type Summary } from "./instances";

type Schemas = components["schemas"];

// Every status but those in which nothing is to be done.
const WATCHED: Schemas["Status"][] = ["failed", "pending", "provisioning", "starting", "updating", "running", "stopping", "deleting"];
const TROUBLE = new Set<string>(["agent_exited", "crash_loop", "start_timed_out", "host_unreachable", "update_rolled_back", "stopped_by_administrator", "stopped_by_operator"]);

interface Waiting {
  name: string;
  run: Schemas["AskedRun"];
}

// Why an instance needs somebody; null when it doesn't.
function whyOf({ status, reason, deadline_at, version_status }: Summary): string | null {
  if (status === "failed") return "failed";
  if (TROUBLE.has(reason)) return "in trouble";
  if (deadline_at && new Date(deadline_at).getTime() < Date.now()) return "overdue";
  return version_status === "yanked" ? "version yanked" : null;
}

async function readAll() {
  const [page, asked, budget] = await Promise.all([
    ok(user.GET("/v1/instances", { params: { query: { limit: 100, status: WATCHED } } })),
    ok(user.GET("/v1/runs", { params: { query: { limit: 100, status: "input_required" } } })),
    ok(user.GET("/v1/me/budget")),
  ]);
  const names = new Map(page.items.map(({ id, name }) => [id, name]));
  const waiting = asked.items.map((run): Waiting => ({ name: names.get(run.instance_id) ?? "An instance", run }));
  const troubled = page.items.flatMap((instance) => {
    const why = whyOf(instance);
    return why ? [{ instance, why }] : [];
  });
  return { waiting, troubled, budget };
}

export function NeedsMe() {
  const all = useLoaded(readAll, []);
  useFresh(all, (event) => ofInstances(event) || event.type.startsWith("com.botberi.run.") || event.type.startsWith("com.botberi.budget."), { milliseconds: 500 });
  return (
    <>
      <Heading title="What needs you" />
      {me.value?.email_verified === false && (
        <div class="note waiting">
          <strong>Your address isn't verified yet</strong>
          <p>Use the link of the mail that you were sent: before that you can't launch anything.</p>
          <a href="/app/verify-email">Have another mail sent</a>
        </div>
      )}
      <Shown of={all}>{(found) => <Everything {...found} />}</Shown>
    </>
  );
}

function Everything({ waiting, troubled, budget }: Awaited<ReturnType<typeof readAll>>) {
  const spent = fractionOf(budget);
  const over = spent !== null && spent >= 0.8;
  if (!waiting.length && !troubled.length && !over) {
    return (
      <Empty title="Nothing needs you.">
        <p>Agents that ask for something, instances that fail and budgets that run out are shown here as soon as it happens.</p>
        <a class="button other" href={to(["instances"])}>
          See your instances
        </a>
      </Empty>
    );
  }
  return (
    <>
      {over && (
        <div class={spent >= 1 ? "note bad" : "note waiting"}>
          <strong>{spent >= 1 ? "Your budget is spent" : `${Math.round(spent * 100)} % of your budget is spent`}</strong>
          {budget.renews_at && (
            <p>
              It is renewed <Time at={budget.renews_at} />. Until then agents may answer nothing more.
            </p>
          )}
          <a href={to(["usage"])}>See what was used, or change it</a>
        </div>
      )}
      {waiting.length > 0 && (
        <Section title="Agents that ask for something">
          <ul class="cards">
            {waiting.map(({ name, run }) => (
              <li key={run.id} class="card">
                <div class="row spread">
                  <h3>
                    <a href={to(["instances", run.instance_id, "talk"], { conversation: run.conversation_id })}>{name}</a>
                  </h3>
                  <Pill of={run.status} />
                </div>
                <p>“{run.asked}”</p>
                <p class="quiet">
                  {run.explanation} <Time at={run.created_at} />
                </p>
                <div>
                  <a class="button small" href={to(["instances", run.instance_id, "talk"], { conversation: run.conversation_id })}>
                    Answer
                  </a>
                </div>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {troubled.length > 0 && (
        <Section title="Instances that don't do well">
          <ul class="cards">
            {troubled.map(({ instance, why }) => (
              <li key={instance.id} class="card">
                <div class="row spread">
                  <h3>
                    <a href={to(["instances", instance.id])}>{instance.name}</a>
                  </h3>
                  <Pill of={why === "failed" ? "failed" : instance.status} />
                </div>
                <p>{instance.message}</p>
                <p class="quiet">{instance.next}</p>
                <p class="quiet">
                  {why}, <Time at={instance.updated_at} />
                </p>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
