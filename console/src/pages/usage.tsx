// What an account has used, day by day, and its budget.

import { ok, tagged, user } from "../lib/api";
import type { CloudEvent } from "../lib/live";
import { useFresh, useLoaded } from "../lib/loading";
import { to } from "../lib/router";
import { bytes, count, duration } from "../lib/time";
import { Empty, Facts, Heading, Section, Shown, spoken } from "../parts/basics";
import { Plot } from "../parts/plot";
import { Bar, Budget } from "./budget";

const shownAs = (name: string, amount: number) => (name.includes("bytes") ? bytes(amount) : count(amount));

const ofRunsAndBudgets = ({ type }: CloudEvent) => type.startsWith("com.botberi.run.") || type.startsWith("com.botberi.budget.");

export function Usage() {
  const usage = useLoaded(() => ok(user.GET("/v1/me/usage")), []);
  const budget = useLoaded(() => tagged(user.GET("/v1/me/budget")), []);
  useFresh(usage, ofRunsAndBudgets, { milliseconds: 2000 });
  useFresh(budget, ofRunsAndBudgets, { milliseconds: 2000 });
  return (
    <>
      <Heading title="Usage and budget" />
      <Shown of={usage}>
        {({ usage: quotas, runs }) => (
          <>
            <div class="cards">
              {Object.entries(quotas).map(([name, { used, limit }]) => (
                <div key={name} class="card">
                  <h2>{spoken(name).replace(/^./, (letter) => letter.toUpperCase())}</h2>
                  <p>
                    <span class="figure">{shownAs(name, used)}</span> <span class="quiet">of {shownAs(name, limit)}</span>
                  </p>
                  <Bar part={limit ? used / limit : 1} label="Used" />
                </div>
              ))}
            </div>
            <Section title={`Runs from ${runs.first_day} to ${runs.last_day}`}>
              {runs.days.length ? (
                <>
                  <div class="card">
                    <Plot
                      label="Runs of each day"
                      bars
                      times={runs.days.map(({ day }) => new Date(day).getTime() / 1000)}
                      lines={[{ name: "Runs", values: runs.days.map((day) => day.runs) }]}
                    />
                  </div>
                  <Facts
                    of={[
                      ["Runs", count(runs.total.runs)],
                      ["Time of agents", duration(runs.total.wall_ms)],
                      ["Processor time", duration(runs.total.processor_ms)],
                      ["Cost", runs.total.cost],
                      ...Object.entries(runs.total.reported).map(([name, sum]): [string, string] => [spoken(name), count(sum)]),
                    ]}
                  />
                  <p>
                    By instance:{" "}
                    {runs.instances.slice(0, 10).map(({ instance_id, runs }, index) => (
                      <span key={instance_id}>
                        {index > 0 && ", "}
                        <a href={to(["instances", instance_id])}>{instance_id.slice(0, 12)}…</a> {runs}
                      </span>
                    ))}
                  </p>
                </>
              ) : (
                <Empty title="No run has ended in this time." />
              )}
            </Section>
          </>
        )}
      </Shown>
      <Section title="Budget of the account">
        <Shown of={budget}>
          {({ value, etag }) => (
            <Budget
              budget={value}
              save={async (body) => {
                await ok(user.PUT("/v1/me/budget", { params: { header: { "If-Match": etag } }, body }));
                await budget.reload();
              }}
              remove={async () => {
                await ok(user.DELETE("/v1/me/budget", { params: { header: { "If-Match": etag } } }));
                await budget.reload();
              }}
            />
          )}
        </Shown>
      </Section>
    </>
  );
}
