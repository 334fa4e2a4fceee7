// One instance: how it is and why, talking to it, and all that can be set of it.

import { ok, tagged, user } from "../lib/api";
import { useFresh, useListed, useLoaded, type Loaded } from "../lib/loading";
import { go, to } from "../lib/router";
import { me } from "../lib/session";
import type { components } from "../schema/user";
import { Empty, Facts, Heading, Id, Note, Pill, Section, Shown, spoken, Tabs, Time } from "../parts/basics";
import { confirmed } from "../parts/dialog";
import { Action } from "../parts/form";
import { More } from "../parts/list";
import { Budget } from "./budget";
import { Settings } from "./instance-settings";
import { Logs } from "./logs";
import { Talk } from "./talk";

type Schemas = components["schemas"];
export type Instance = Schemas["LiveInstance"];
export type Tagged = { value: Instance; etag: string };

const TABS = [
  ["", "State"],
  ["talk", "Talk"],
  ["logs", "Log"],
  ["settings", "Settings"],
  ["budget", "Budget"],
] as const;

export const about = (id: string) => ({ params: { path: { instance_id: id } } });

export function InstancePage({ parts: [id = "", tab = ""] }: { parts: string[] }) {
  const instance = useLoaded(() => tagged(user.GET("/v1/instances/{instance_id}", about(id))), [id]);
  useFresh(instance, ({ subject }) => subject === id);
  const now = instance.value.value?.value;
  return (
    <>
      <Heading title={now?.name ?? "Instance"} crumbs={[["Instances", to(["instances"])]]}>
        {now && <Commands instance={now} reload={instance.reload} />}
      </Heading>
      <Tabs here={tab} of={TABS.map(([key, name]) => [key, name, to(key ? ["instances", id, key] : ["instances", id])])} />
      {tab === "talk" ? (
        <Talk id={id} status={now?.status} />
      ) : tab === "logs" ? (
        <Logs path={`/v1/instances/${encodeURIComponent(id)}/logs`} />
      ) : (
        <Shown of={instance}>{(it) => <Rest tab={tab} it={it} of={instance} />}</Shown>
      )}
    </>
  );
}

function Rest({ tab, it, of }: { tab: string; it: Tagged; of: Loaded<Tagged> }) {
  if (tab === "settings") return <Settings it={it} reload={of.reload} />;
  if (tab === "budget") return <InstanceBudget id={it.value.id} />;
  return <State instance={it.value} />;
}

function Commands({ instance: { id, name, desired_state }, reload }: { instance: Instance; reload: () => Promise<void> }) {
  async function remove(): Promise<void> {
    const text = `${name} is stopped, and all that it has, said and remembers is deleted. That can't be undone.`;
    if (!(await confirmed(`Delete ${name}?`, { text, yes: "Delete it", danger: true }))) return;
    await ok(user.DELETE("/v1/instances/{instance_id}", about(id)));
    go(["instances"]);
  }
  if (desired_state === "deleted") return null;
  return (
    <>
      {desired_state === "running" ? (
        <>
          <Action
            class="other"
            act={async () => {
              await ok(user.POST("/v1/instances/{instance_id}/restart", about(id)));
              await reload();
            }}
          >
            Restart
          </Action>
          <Action
            class="other"
            act={async () => {
              await ok(user.POST("/v1/instances/{instance_id}/stop", about(id)));
              await reload();
            }}
          >
            Stop
          </Action>
        </>
      ) : (
        <Action
          act={async () => {
            await ok(user.POST("/v1/instances/{instance_id}/start", about(id)));
            await reload();
          }}
        >
          Start
        </Action>
      )}
      <Action class="danger other" act={remove}>
        Delete
      </Action>
    </>
  );
}

// What an instance is at, for its owner and for administrators alike.
export function StateOf({ instance }: { instance: Omit<Instance, "awake_children"> & { awake_children?: number | null } }) {
  return (
    <>
      <div class="card">
        <div class="row">
          <Pill of={instance.status} />
          <span class="quiet">{spoken(instance.reason)}</span>
        </div>
        <p class="lead">{instance.message}</p>
        <p>
          {instance.next}{" "}
          {instance.deadline_at && (
            <span class="quiet">
              By <Time at={instance.deadline_at} />.
            </span>
          )}
        </p>
        {instance.version_status !== "published" && (
          <p class="note waiting">
            Its version {instance.version} is {instance.version_status}. {instance.version_status_reason}
          </p>
        )}
        <ul class="choices">
          {instance.conditions
            .filter(({ type, holds }) => holds || type !== "quarantined")
            .map((each) => (
              <li key={each.type} title={each.message}>
                {each.type === "quarantined" ? <Pill of="refused" /> : <Pill of={each.holds ? "yes" : "no"} />} {spoken(each.type)}
                {each.holds !== (each.type !== "quarantined") && <span class="quiet">: {each.message}</span>}
              </li>
            ))}
        </ul>
      </div>
      <Facts
        of={[
          ["Agent", `${instance.agent} ${instance.version}`],
          ["Shall be", instance.desired_state],
          ["Generation", instance.observed_generation === instance.generation ? instance.generation : `${instance.generation}, of which ${instance.observed_generation ?? "none"} serves`],
          ["Awake", instance.awake_children ?? "–"],
          ["Labels", Object.entries(instance.labels).map(([key, value]) => `${key}=${value}`).join(", ") || "none"],
          ["Created", <Time at={instance.created_at} />],
          ["Changed", <Time at={instance.updated_at} />],
          ["Id", <Id of={instance.id} />],
        ]}
      />
    </>
  );
}

const TONES: Record<string, string> = { running: "good", failed: "bad", stopped: "", deleted: "" };

function State({ instance }: { instance: Instance }) {
  const { id } = instance;
  const history = useListed((query) => ok(user.GET("/v1/instances/{instance_id}/events", { params: { path: { instance_id: id }, query } })), [id]);
  useFresh(history, ({ subject }) => subject === id);
  return (
    <>
      <StateOf instance={instance} />
      <Section title="What happened">
        {history.problem.value && <Note problem={history.problem.value} again={history.reload} />}
        {history.items.value?.length === 0 && <Empty title="Nothing has happened yet." />}
        <ol class="timeline">
          {history.items.value?.map((each) => (
            <li key={each.id} class={each.kind === "status" ? (TONES[each.value] ?? "busy") : ""}>
              <div>
                <p>
                  <strong>
                    {each.kind === "status" ? "" : "asked to be "}
                    {spoken(each.value)}
                  </strong>{" "}
                  <span class="quiet">
                    {spoken(each.reason)}, <Time at={each.at} />
                  </span>
                </p>
                <p>{each.message}</p>
                <p class="quiet">
                  {each.next} {each.actor && each.kind !== "status" && <>By {each.actor === me.value?.id ? "you" : each.actor}.</>}
                </p>
              </div>
            </li>
          ))}
        </ol>
        <More of={history} />
      </Section>
    </>
  );
}

function InstanceBudget({ id }: { id: string }) {
  const path = { instance_id: id };
  const budget = useLoaded(() => tagged(user.GET("/v1/instances/{instance_id}/budget", { params: { path } })), [id]);
  return (
    <Section title="Budget of this instance">
      <Shown of={budget}>
        {({ value, etag }) => (
          <Budget
            budget={value}
            save={async (body) => {
              await ok(user.PUT("/v1/instances/{instance_id}/budget", { params: { path, header: { "If-Match": etag } }, body }));
              await budget.reload();
            }}
            remove={async () => {
              await ok(user.DELETE("/v1/instances/{instance_id}/budget", { params: { path, header: { "If-Match": etag } } }));
              await budget.reload();
            }}
          />
        )}
      </Shown>
      <p>
        <a href={to(["usage"])}>What the account has used, and its own budget</a>
      </p>
    </Section>
  );
}
