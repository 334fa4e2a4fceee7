// What an instance is set to: name and labels, config, secrets.

import { useSignal } from "@preact/signals";

import { ok, user } from "../lib/api";
import { useListed, useLoaded } from "../lib/loading";
import { Empty, Json, Section, Shown, tell, Time } from "../parts/basics";
import { confirmed } from "../parts/dialog";
import { Action, Field, Form } from "../parts/form";
import { isObject, JsonForm, type Json as Value, type JsonObject, type Schema } from "../parts/json-form";
import { List } from "../parts/list";
import { about, type Tagged } from "./instance";
import { labelled } from "./launch";

interface Props {
  it: Tagged;
  reload: () => Promise<void>;
}

const MASK = "********";

export function Settings({ it: { value: instance, etag }, reload }: Props) {
  const change = async (body: object) => {
    await ok(user.PATCH("/v1/instances/{instance_id}", { params: { path: { instance_id: instance.id }, header: { "If-Match": etag } }, body }));
    await reload();
  };
  const labels = Object.entries(instance.labels).map(([key, value]) => `${key}=${value}`).join(", ");
  return (
    <div class="columns">
      <div class="stack">
      <Section title="Name and labels">
        <div class="card">
          <Form
            stays
            onSubmit={async ({ name = "", labels = "" }) => {
              const wanted = labelled(labels);
              const gone = Object.fromEntries(Object.keys(instance.labels).flatMap((key) => (key in wanted ? [] : [[key, null]])));
              await change({ name, labels: { ...gone, ...wanted } });
              return "It is changed.";
            }}
          >
            <Field label="Name" name="name" defaultValue={instance.name} maxLength={100} required />
            <Field label="Labels" name="labels" defaultValue={labels} placeholder="team=support, tier=gold" hint="Pairs of key=value." />
            <div>
              <button>Save</button>
            </div>
          </Form>
        </div>
      </Section>
      <Section title="Secrets">
        <Secrets id={instance.id} reload={reload} />
      </Section>
      <Section title="Memory">
        <Memory id={instance.id} />
      </Section>
      </div>
      <Section title="Configuration">
        <Config key={instance.generation} config={instance.config as JsonObject} id={instance.id} change={change} />
      </Section>
    </div>
  );
}

// Returns the JSON Merge Patch (RFC 7396) that makes the one of the other. Secrets are shown to nobody: what stands for them stays out.
export function mergePatch(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[key], to[key]];
    if (after === undefined) patch[key] = null;
    else if (isObject(before) && isObject(after)) {
      const inner = mergePatch(before, after);
      if (Object.keys(inner).length) patch[key] = inner;
    } else if (JSON.stringify(before) !== JSON.stringify(after)) patch[key] = after;
  }
  return patch;
}

// A form shows secrets empty: they are changed on their own.
function withoutSecrets(schema: Schema): Schema {
  const properties = Object.entries(schema.properties ?? {}).filter(([, each]) => !each.writeOnly);
  return schema.properties ? { ...schema, properties: Object.fromEntries(properties) } : schema;
}

interface ConfigProps {
  id: string;
  config: JsonObject;
  change: (body: object) => Promise<void>;
}

function Config({ id, config, change }: ConfigProps) {
  const version = useLoaded(() => ok(user.GET("/v1/instances/{instance_id}/version", about(id))), [id]);
  const wanted = useSignal<Value>(config);
  return (
    <div class="card">
      <Shown of={version}>
        {({ config_schema }) => (
          <Form
            stays
            onSubmit={async () => {
              const patch = mergePatch(config, isObject(wanted.value) ? wanted.value : {});
              if (!Object.keys(patch).length) return "Nothing was changed.";
              await change({ config: patch });
              tell("The configuration is changed.");
              return undefined;
            }}
          >
            <JsonForm schema={withoutSecrets(config_schema as Schema)} value={wanted.value} pointer="/config" onChange={(value) => (wanted.value = value ?? {})} />
            <div class="row">
              <button>Save</button>
              <span class="hint">It is tried first; what runs goes on until the new one serves.</span>
            </div>
          </Form>
        )}
      </Shown>
    </div>
  );
}

function Secrets({ id, reload }: { id: string; reload: () => Promise<void> }) {
  const secrets = useListed((query) => ok(user.GET("/v1/instances/{instance_id}/secrets", { params: { path: { instance_id: id }, query } })), [id]);
  const changed = () => Promise.all([secrets.reload(), reload()]);
  return (
    <>
      <List
        of={secrets}
        label="Secrets"
        keyOf={(each) => each.name}
        columns={[
          { name: "Name", cell: (each) => <code>{each.name}</code> },
          { name: "Version", cell: (each) => each.version },
          { name: "Set", cell: (each) => <Time at={each.updated_at} /> },
          {
            name: "Remove",
            cell: (each) => (
              <Action
                class="danger other small"
                label={`Remove ${each.name}`}
                act={async () => {
                  if (!(await confirmed(`Remove ${each.name}?`, { text: "The agent goes on without it, if it can.", yes: "Remove it", danger: true }))) return;
                  await ok(user.DELETE("/v1/instances/{instance_id}/secrets/{name}", { params: { path: { instance_id: id, name: each.name } } }));
                  await changed();
                }}
              >
                Remove
              </Action>
            ),
          },
        ]}
        empty={<Empty title="It has no secrets." />}
      />
      <div class="card">
        <Form
          onSubmit={async ({ name = "", value = "" }) => {
            await ok(user.PUT("/v1/instances/{instance_id}/secrets/{name}", { params: { path: { instance_id: id, name } }, body: { value } }));
            await changed();
            return `${name} is set. Nobody is shown it again.`;
          }}
        >
          <Field label="Name" name="name" pattern="[^\s]+" required hint="A setting that the agent's configuration calls a secret." />
          <Field label="New value" name="value" type="password" autocomplete="off" required hint={`In place of it, ${MASK} is shown.`} />
          <div>
            <button>Set</button>
          </div>
        </Form>
      </div>
    </>
  );
}

function Memory({ id }: { id: string }) {
  const memory = useListed((query) => ok(user.GET("/v1/instances/{instance_id}/memory", { params: { path: { instance_id: id }, query } })), [id]);
  const opened = useSignal<{ key: string; value: unknown } | null>(null);
  const path = (key: string) => ({ params: { path: { instance_id: id, key } } });
  return (
    <>
      <List
        of={memory}
        label="What the agent remembers"
        keyOf={(each) => each.key}
        columns={[
          { name: "Key", cell: (each) => <code>{each.key}</code> },
          { name: "Changed", wide: true, cell: (each) => <Time at={each.updated_at} /> },
          {
            name: "Value",
            cell: (each) => (
              <div class="row">
                <Action
                  class="other small"
                  label={`Show ${each.key}`}
                  act={async () => {
                    opened.value = { key: each.key, value: (await ok(user.GET("/v1/instances/{instance_id}/memory/{key}", path(each.key)))).value };
                  }}
                >
                  Show
                </Action>
                <Action
                  class="danger other small"
                  label={`Forget ${each.key}`}
                  act={async () => {
                    await ok(user.DELETE("/v1/instances/{instance_id}/memory/{key}", path(each.key)));
                    await memory.reload();
                  }}
                >
                  Forget
                </Action>
              </div>
            ),
          },
        ]}
        empty={<Empty title="It remembers nothing yet." />}
      />
      {opened.value && (
        <>
          <h3>{opened.value.key}</h3>
          <Json of={opened.value.value} />
        </>
      )}
    </>
  );
}
