// Everybody's instances, and what administrators do about them.

import { admin, ok } from "../../lib/api";
import { done } from "../../lib/four-eyes";
import { useFresh, useListed, useLoaded } from "../../lib/loading";
import { narrow, route, to } from "../../lib/router";
import { Empty, Heading, Json, Pill, Section, Shown, spoken, Tabs, tell, Time } from "../../parts/basics";
import { reasonFor } from "../../parts/dialog";
import { Action, Choice, Field, Form } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/admin";
import { StateOf } from "../instance";
import { isStatus, ofInstances, STATUS_OPTIONS } from "../instances";
import { Logs } from "../logs";
import { RUN_COLUMNS } from "./runs";

type Trouble = components["schemas"]["InstanceTrouble"];
type AnyInstance = components["schemas"]["AnyInstance"];

export const TROUBLES = ["stuck", "overdue", "orphaned", "failing", "awaiting_input", "over_budget", "stopped_by_operator", "quarantined"] as const satisfies readonly Trouble[];
const isTrouble = (text: string | null): text is Trouble => TROUBLES.some((each) => each === text);

export function AllInstances({ parts: [id, tab = ""] }: { parts: string[] }) {
  return id ? <One id={id} tab={tab} /> : <Everybodys />;
}

function Everybodys() {
  const { query } = route.value;
  const [status, trouble] = [query.get("status"), query.get("trouble")];
  const [agent, owner_id] = [query.get("agent") ?? "", query.get("owner") ?? ""];
  const list = useListed(
    (page) => {
      const wanted = { ...page, ...(agent && { agent }), ...(owner_id && { owner_id }), ...(isTrouble(trouble) && { trouble }), ...(isStatus(status) && { status: [status] }) };
      return ok(admin.GET("/v1/admin/instances", { params: { query: wanted } }));
    },
    [status, trouble, agent, owner_id],
  );
  useFresh(list, ofInstances, { everybody: true, milliseconds: 1000 });
  return (
    <>
      <Heading title="Everybody's instances" />
      <Form class="inline" label="Which to show" stays onSubmit={async ({ agent, owner }) => narrow({ agent, owner })}>
        <Choice label="Trouble" name="trouble" value={trouble ?? ""} options={[["", "Any or none"], ...TROUBLES.map((each) => [each, spoken(each)] as const)]} onChange={(value) => narrow({ trouble: value })} />
        <Choice label="Status" name="status" options={STATUS_OPTIONS} value={status ?? ""} onChange={(value) => narrow({ status: value })} />
        <Field label="Agent" name="agent" defaultValue={agent} pattern="[a-z][a-z0-9\-]+" />
        <Field label="Owner's id" name="owner" pointer="?owner_id" defaultValue={owner_id} placeholder="usr_…" />
        <button class="other">Show</button>
      </Form>
      <List
        of={list}
        label="Everybody's instances"
        keyOf={(each) => each.id}
        columns={[
          {
            name: "Name",
            cell: (each) => (
              <>
                <a href={to(["admin", "instances", each.id])}>{each.name}</a>
                <div class="quiet">
                  {each.agent} {each.version}
                </div>
              </>
            ),
          },
          { name: "Status", cell: (each) => <Pill of={each.status} /> },
          {
            name: "Why, and what next",
            cell: (each) => (
              <>
                <div>{each.message}</div>
                <div class="quiet">{each.next}</div>
              </>
            ),
          },
          { name: "Owner", wide: true, cell: (each) => <Owner id={each.owner_id} /> },
          { name: "Changed", wide: true, cell: (each) => <Time at={each.updated_at} /> },
        ]}
        empty={<Empty title="None is like that." />}
      />
    </>
  );
}

export const Owner = ({ id }: { id: string }) => (
  <a href={to(["admin", "accounts", id])} title={id}>
    {id.slice(0, 12)}…{id.slice(-4)}
  </a>
);

interface Command {
  name: string;
  text: string;
  danger?: boolean;
  send: (id: string, reason: string) => Promise<AnyInstance | components["schemas"]["ApprovalNeeded"]>;
}

const asked = (id: string, reason: string) => ({ params: { path: { instance_id: id } }, body: { reason } });

const COMMANDS: readonly Command[] = [
  { name: "Reconcile", text: "A worker looks at it now: what has failed is tried again, what is stuck goes on.", send: (id, why) => ok(admin.POST("/v1/admin/instances/{instance_id}/reconcile", asked(id, why))) },
  { name: "Restart", text: "It is started anew, as what it is.", send: (id, why) => ok(admin.POST("/v1/admin/instances/{instance_id}/restart", asked(id, why))) },
  { name: "Stop", text: "It is stopped. Its owner may start it again.", send: (id, why) => ok(admin.POST("/v1/admin/instances/{instance_id}/stop", asked(id, why))) },
  { name: "Quarantine", text: "It is stopped, and nobody starts it until it is released.", danger: true, send: (id, why) => ok(admin.POST("/v1/admin/instances/{instance_id}/quarantine", asked(id, why))) },
  { name: "Release", text: "It may be started again. It stays stopped until somebody does.", send: (id, why) => ok(admin.POST("/v1/admin/instances/{instance_id}/release", asked(id, why))) },
  { name: "Force-delete", text: "It is deleted without waiting for its agent host, with all that it has. That can't be undone.", danger: true, send: (id, why) => ok(admin.POST("/v1/admin/instances/{instance_id}/force-delete", asked(id, why))) },
];

const offered = ({ name }: Command, { quarantined_at, desired_state }: AnyInstance) => {
  if (name === "Release") return quarantined_at !== null;
  if (name === "Quarantine") return quarantined_at === null;
  return name !== "Stop" || desired_state === "running";
};

function One({ id, tab }: { id: string; tab: string }) {
  const instance = useLoaded(() => ok(admin.GET("/v1/admin/instances/{instance_id}", { params: { path: { instance_id: id } } })), [id]);
  useFresh(instance, ({ subject }) => subject === id, { everybody: true });
  const now = instance.value.value;
  const at = ["admin", "instances", id];
  return (
    <>
      <Heading title={now?.name ?? "Instance"} crumbs={[["Everybody's instances", to(["admin", "instances"])]]}>
        <a class="button other" href={to(["admin", "why", id])}>
          Why?
        </a>
      </Heading>
      <Tabs
        here={tab}
        of={[
          ["", "State", to(at)],
          ["runs", "Runs", to([...at, "runs"])],
          ["logs", "Log", to([...at, "logs"])],
        ]}
      />
      {tab === "logs" ? (
        <Logs path={`/v1/admin/instances/${encodeURIComponent(id)}/logs`} />
      ) : tab === "runs" ? (
        <RunsOf id={id} />
      ) : (
        <Shown of={instance}>
          {(it) => (
            <>
              {it.quarantined_at && (
                <div class="note bad">
                  <strong>
                    Put into quarantine <Time at={it.quarantined_at} />
                  </strong>
                  <p>
                    {it.quarantine_reason} <span class="quiet">By {it.quarantined_by}.</span>
                  </p>
                </div>
              )}
              <StateOf instance={it} />
              <p>
                Owner: <a href={to(["admin", "accounts", it.owner_id])}>{it.owner_id}</a>
              </p>
              <Section title="Act">
                <p class="quiet">Each takes a reason, which its owner reads in its history.</p>
                <div class="row">
                  {COMMANDS.filter((command) => offered(command, it)).map(({ name, text, danger, send }) => (
                    <Action
                      key={name}
                      class={danger ? "danger other" : "other"}
                      act={async () => {
                        const reason = await reasonFor(`${name} ${it.name}?`, { text, yes: name, danger });
                        if (reason === null) return;
                        if (!done(await send(id, reason))) return;
                        await instance.reload();
                        tell(`${name}: asked for.`);
                      }}
                    >
                      {name}
                    </Action>
                  ))}
                </div>
              </Section>
              <Section title="Configuration">
                <Json of={it.config} />
              </Section>
            </>
          )}
        </Shown>
      )}
    </>
  );
}

function RunsOf({ id }: { id: string }) {
  const list = useListed((query) => ok(admin.GET("/v1/admin/runs", { params: { query: { ...query, instance_id: id } } })), [id]);
  return <List of={list} label="Runs" keyOf={(each) => each.id} columns={RUN_COLUMNS} empty={<Empty title="It was asked nothing yet." />} />;
}

