// Jobs of the workers: what the queues say, beside what the rows say.

import { admin, ok } from "../../lib/api";
import { useFresh, useLoaded } from "../../lib/loading";
import { to } from "../../lib/router";
import { count, duration } from "../../lib/time";
import { Facts, Heading, Section, Shown } from "../../parts/basics";
import type { components } from "../../schema/admin";

type Figures = components["schemas"]["Jobs"];

// For how long, in seconds, an instance may be due before somebody should look.
const LATE = 120;

// What the figures mean, put together.
function meaning({ waiting, at_work, due, oldest_due_seconds }: Figures): { kind: string; text: string } {
  if (waiting === null) return { kind: "bad", text: "Redis can't be reached, so no job can be given to a worker. Nothing is lost: what is due stays so." };
  const queued = Object.values(waiting).reduce((one, other) => one + other, 0);
  if (queued && !at_work) return { kind: "bad", text: "Jobs wait, and none is at work: no worker runs." };
  if (due && !queued && (oldest_due_seconds ?? 0) > LATE) return { kind: "bad", text: "Instances are due, and no job waits: no worker sweeps." };
  if ((oldest_due_seconds ?? 0) > LATE) return { kind: "waiting", text: "The workers are behind: see whether there are enough of them." };
  return { kind: "good", text: due || queued ? "The workers are at it." : "Nothing is due, and nothing waits." };
}

export function Jobs() {
  const jobs = useLoaded(() => ok(admin.GET("/v1/admin/jobs")), []);
  useFresh(jobs, ({ type }) => type.startsWith("com.botberi.instance."), { everybody: true, milliseconds: 1000 });
  return (
    <>
      <Heading title="Jobs">
        <button type="button" class="other" onClick={() => void jobs.reload()}>
          Read it anew
        </button>
      </Heading>
      <Shown of={jobs}>
        {(it) => {
          const { kind, text } = meaning(it);
          return (
            <>
              <p class={`note ${kind}`}>{text}</p>
              <div class="columns">
                <Section title="What the rows say">
                  <div class="card">
                    <Facts
                      of={[
                        ["Instances that are due", count(it.due)],
                        ["Since the oldest was due", it.oldest_due_seconds === null ? "–" : duration(it.oldest_due_seconds * 1000)],
                      ]}
                    />
                    <p>
                      <a href={to(["admin", "instances"], { trouble: "overdue" })}>Those that are overdue</a>
                    </p>
                  </div>
                </Section>
                <Section title="What the queues say">
                  <div class="card">
                    <Facts
                      of={[
                        ...Object.entries(it.waiting ?? {}).map(([queue, number]): [string, string] => [`Waiting in ${queue}`, count(number)]),
                        ["At work", it.at_work === null ? "–" : count(it.at_work)],
                        ["Put aside", it.put_aside === null ? "–" : count(it.put_aside)],
                      ]}
                    />
                    <p class="quiet">What was put aside stood in a queue and was no job.</p>
                  </div>
                </Section>
              </div>
            </>
          );
        }}
      </Shown>
    </>
  );
}
