// Everybody's runs, without what was said in them.

import { admin, ok } from "../../lib/api";
import { useFresh, useListed, useLoaded } from "../../lib/loading";
import { narrow, route, to } from "../../lib/router";
import { duration } from "../../lib/time";
import { Empty, Facts, Heading, Id, Pill, Shown, spoken, Time } from "../../parts/basics";
import { reasonFor } from "../../parts/dialog";
import { Action, Choice, Field, Form } from "../../parts/form";
import { List, type Column } from "../../parts/list";
import type { components } from "../../schema/admin";

type Schemas = components["schemas"];
type Summary = Schemas["AnyRunSummary"];

const STATUSES = ["queued", "running", "input_required", "completed", "failed", "cancelled"] as const satisfies readonly Schemas["RunStatus"][];
export const RUN_TROUBLES = ["stuck", "overdue", "awaiting_input"] as const satisfies readonly Schemas["RunTrouble"][];
const OPEN: readonly string[] = ["queued", "running", "input_required"];

const one = <T extends string>(of: readonly T[], text: string | null): T | undefined => of.find((each) => each === text);

export const RUN_COLUMNS: readonly Column<Summary>[] = [
  {
    name: "Run",
    cell: (each) => (
      <a href={to(["admin", "runs", each.id])} title={each.id}>
        {each.id.slice(0, 12)}…{each.id.slice(-4)}
      </a>
    ),
  },
  { name: "Status", cell: (each) => <Pill of={each.status} /> },
  { name: "Why", cell: (each) => each.explanation },
  {
    name: "Instance",
    wide: true,
    cell: (each) => (
      <a href={to(["admin", "instances", each.instance_id])} title={each.instance_id}>
        {each.instance_id.slice(0, 12)}…{each.instance_id.slice(-4)}
      </a>
    ),
  },
  { name: "Asked", cell: (each) => <Time at={each.created_at} /> },
];

export function AllRuns({ parts: [id] }: { parts: string[] }) {
  return id ? <Run id={id} /> : <Everybodys />;
}

function Everybodys() {
  const { query } = route.value;
  const status = one(STATUSES, query.get("status"));
  const trouble = one(RUN_TROUBLES, query.get("trouble"));
  const owner_id = query.get("owner") ?? "";
  const list = useListed(
    (page) => ok(admin.GET("/v1/admin/runs", { params: { query: { ...page, ...(status && { status }), ...(trouble && { trouble }), ...(owner_id && { owner_id }) } } })),
    [status, trouble, owner_id],
  );
  useFresh(list, ({ type }) => type.startsWith("com.botberi.run."), { everybody: true, milliseconds: 1000 });
  return (
    <>
      <Heading title="Everybody's runs" />
      <Form class="inline" label="Which to show" stays onSubmit={async ({ owner }) => narrow({ owner })}>
        <Choice label="Trouble" name="trouble" value={trouble ?? ""} options={[["", "Any or none"], ...RUN_TROUBLES.map((each) => [each, spoken(each)] as const)]} onChange={(value) => narrow({ trouble: value })} />
        <Choice label="Status" name="status" value={status ?? ""} options={[["", "Any"], ...STATUSES.map((each) => [each, spoken(each)] as const)]} onChange={(value) => narrow({ status: value })} />
        <Field label="Owner's id" name="owner" pointer="?owner_id" defaultValue={owner_id} placeholder="usr_…" />
        <button class="other">Show</button>
      </Form>
      <List of={list} label="Everybody's runs" keyOf={(each) => each.id} columns={RUN_COLUMNS} empty={<Empty title="None is like that." />} />
    </>
  );
}

function Run({ id }: { id: string }) {
  const path = { run_id: id };
  const run = useLoaded(() => ok(admin.GET("/v1/admin/runs/{run_id}", { params: { path } })), [id]);
  useFresh(run, ({ subject, data }) => subject === id || data.run_id === id, { everybody: true });

  async function cancel(): Promise<void> {
    const reason = await reasonFor("Cancel this run?", { text: "It ends, and its owner reads why.", yes: "Cancel it", danger: true });
    if (reason === null) return;
    await ok(admin.POST("/v1/admin/runs/{run_id}/cancel", { params: { path }, body: { reason } }));
    await run.reload();
  }

  return (
    <>
      <Heading title="Run" crumbs={[["Everybody's runs", to(["admin", "runs"])]]}>
        <a class="button other" href={to(["admin", "why", id])}>
          Why?
        </a>
        {OPEN.includes(run.value.value?.status ?? "") && (
          <Action class="danger other" act={cancel}>
            Cancel it
          </Action>
        )}
      </Heading>
      <Shown of={run}>
        {(it) => (
          <>
            <div class="card">
              <div class="row">
                <Pill of={it.status} />
                <span class="quiet">{spoken(it.reason)}</span>
              </div>
              <p class="lead">{it.explanation}</p>
              {it.cancel_reason && (
                <p>
                  {it.cancel_reason} <span class="quiet">By {it.cancelled_by}.</span>
                </p>
              )}
            </div>
            <Facts
              of={[
                ["Instance", <a href={to(["admin", "instances", it.instance_id])}>{it.instance_id}</a>],
                ["Owner", <a href={to(["admin", "accounts", it.owner_id])}>{it.owner_id}</a>],
                ["Protocol", it.protocol],
                ["Attempt", it.attempt],
                ["Place in its queue", it.place],
                ["Asked", <Time at={it.created_at} />],
                ["Begun", <Time at={it.started_at} />],
                ["Ended", <Time at={it.ended_at} />],
                ["Deadline", <Time at={it.deadline_at} />],
                ["Runner", it.runner],
                ["Events", it.last_sequence],
                ["Time of the agent", duration(it.wall_ms)],
                ["Id", <Id of={it.id} />],
              ]}
            />
            <p class="quiet">What was said in it is shown to its owner alone.</p>
          </>
        )}
      </Shown>
    </>
  );
}
