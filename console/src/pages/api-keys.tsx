// API keys: for programs that run by themselves. Each is shown once.

import { useSignal } from "@preact/signals";

import { ok, user } from "../lib/api";
import { useListed } from "../lib/loading";
import { me } from "../lib/session";
import type { components } from "../schema/user";
import { Empty, Section, Time } from "../parts/basics";
import { confirmed } from "../parts/dialog";
import { Action, Field, Form } from "../parts/form";
import { List } from "../parts/list";
import { Once } from "../parts/once";

type Scope = components["schemas"]["NewApiKey"]["scopes"][number];

export function ApiKeys() {
  const keys = useListed((query) => ok(user.GET("/v1/me/api-keys", { params: { query } })), []);
  const made = useSignal<string | null>(null);
  const scopes = me.value?.scopes ?? [];
  return (
    <>
      <Section title="API keys">
        {made.value && (
          <Once title="Your new key" text={made.value} done={() => (made.value = null)}>
            It is shown this one time, and known everywhere within a second.
          </Once>
        )}
        <List
          of={keys}
          label="API keys"
          keyOf={(each) => each.id}
          columns={[
            { name: "Name", cell: (each) => each.name },
            { name: "May do", cell: (each) => each.scopes.join(", ") },
            { name: "Last used", cell: (each) => <Time at={each.last_used_at} /> },
            { name: "Expires", cell: (each) => <Time at={each.expires_at} /> },
            {
              name: "End",
              cell: (each) => (
                <Action
                  class="danger other small"
                  label={`End ${each.name}`}
                  act={async () => {
                    if (!(await confirmed(`End ${each.name}?`, { text: "What uses it is refused within five seconds, for good.", yes: "End it", danger: true }))) return;
                    await ok(user.DELETE("/v1/me/api-keys/{key_id}", { params: { path: { key_id: each.id } } }));
                    await keys.reload();
                  }}
                >
                  End
                </Action>
              ),
            },
          ]}
          empty={
            <Empty title="You have no API keys.">
              <p>A program that runs by itself shows one in place of a log-in.</p>
            </Empty>
          }
        />
      </Section>
      <Section title="Make one">
        <div class="card narrow">
          <Form
            onSubmit={async ({ name = "", days = "", ...chosen }) => {
              const wanted = scopes.filter((scope): scope is Scope => `scope-${scope}` in chosen);
              const key = await ok(user.POST("/v1/me/api-keys", { body: { name, scopes: wanted, expires_in_days: Number(days) } }));
              made.value = key.key;
              await keys.reload();
            }}
          >
            <Field label="Name" name="name" maxLength={100} required hint="What it is for, such as Nightly build." />
            <fieldset>
              <legend>May do</legend>
              <div class="choices">
                {scopes.map((scope) => (
                  <label key={scope} class="row">
                    <input type="checkbox" name={`scope-${scope}`} defaultChecked={scope === "user"} /> {scope}
                  </label>
                ))}
              </div>
            </fieldset>
            <Field label="Days until it expires" name="days" pointer="/expires_in_days" type="number" min={1} max={365} defaultValue={90} required />
            <div>
              <button>Make a key</button>
            </div>
          </Form>
        </div>
      </Section>
    </>
  );
}
