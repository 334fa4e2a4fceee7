// Kill switches: what is not to run, until somebody lets it.

import { admin, newKey, ok } from "../../lib/api";
import { useFresh, useListed } from "../../lib/loading";
import { narrow, route } from "../../lib/router";
import { can } from "../../lib/session";
import { Empty, Heading, Pill, Section, Time } from "../../parts/basics";
import { ask, reasonFor } from "../../parts/dialog";
import { Action, Choice, Field, Form } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/admin";
import { Linked } from "./why";

type Schemas = components["schemas"];
type Switch = Schemas["KillSwitch"];
type Scope = Schemas["NewKillSwitch"]["scope"];

const SCOPES: [Scope, string][] = [
  ["owner", "An account's instances"],
  ["version", "Instances of a version"],
  ["everything", "Everything"],
];

const isScope = (text: string | undefined): text is Scope => SCOPES.some(([scope]) => scope === text);

export function Switches() {
  const engaged = route.value.query.get("engaged") ?? "true";
  const list = useListed((query) => ok(admin.GET("/v1/admin/kill-switches", { params: { query: { ...query, ...(engaged !== "all" && { engaged: engaged === "true" }) } } })), [engaged]);
  useFresh(list, ({ type }) => type.startsWith("com.botberi.kill_switch."), { everybody: true });

  async function release(id: string): Promise<void> {
    const reason = await reasonFor("Release it?", { text: "What it concerns may run again. What it has stopped stays as it is, until its owner starts it.", yes: "Release it" });
    if (reason === null) return;
    await ok(admin.POST("/v1/admin/kill-switches/{kill_switch_id}/release", { params: { path: { kill_switch_id: id } }, body: { reason } }));
    await list.reload();
  }

  return (
    <>
      <Heading title="Kill switches">
        {can("admin") && (
          <Action class="danger" act={() => engage().then((done) => (done ? list.reload() : undefined))}>
            Engage one
          </Action>
        )}
      </Heading>
      <form class="inline" aria-label="Which to show">
        <Choice
          label="State"
          name="engaged"
          value={engaged}
          options={[
            ["true", "engaged"],
            ["false", "released"],
            ["all", "both"],
          ]}
          onChange={(value) => narrow({ engaged: value })}
        />
      </form>
      <List
        of={list}
        label="Kill switches"
        keyOf={(each) => each.id}
        columns={[
          { name: "What", cell: (each) => <Target of={each} /> },
          { name: "State", cell: (each) => <Pill of={each.released_at ? "released" : "engaged"} /> },
          { name: "Why", cell: (each) => each.reason },
          {
            name: "Since",
            cell: (each) => (
              <>
                <Time at={each.engaged_at} />
                <div class="quiet">
                  <Linked id={each.engaged_by} short />
                </div>
              </>
            ),
          },
          {
            name: "Until",
            cell: (each) =>
              each.released_at ? (
                <Time at={each.released_at} />
              ) : can("admin") ? (
                <Action class="other small" act={() => release(each.id)}>
                  Release
                </Action>
              ) : (
                "now"
              ),
          },
        ]}
        empty={<Empty title={engaged === "true" ? "None is engaged: everything may run." : "There is none like that."} />}
      />
      <Section title="What they do">
        <p class="quiet">From that moment on nothing of it takes a message or is started, and what runs is stopped within seconds, with its runs. Nothing of it is deleted.</p>
      </Section>
    </>
  );
}

const Target = ({ of: { scope, target } }: { of: Switch }) => (target ? <Linked id={target} short /> : <strong>{scope === "everything" ? "Everything" : scope}</strong>);

async function engage(): Promise<boolean> {
  const answer = await ask("What is not to run?", (close) => (
    <Form
      onSubmit={async ({ scope, target = "", reason = "" }) => {
        if (!isScope(scope)) return;
        const body = { scope, reason: reason.trim(), ...(scope === "owner" && { owner_id: target.trim() }), ...(scope === "version" && { version_id: target.trim() }) };
        await ok(admin.POST("/v1/admin/kill-switches", { params: { header: newKey() }, body }));
        close("done");
      }}
    >
      <Choice label="What" name="scope" options={SCOPES} />
      <Field label="Its id" name="target" pointer="" maxLength={200} placeholder="usr_… or ver_…" hint="Of the account or the version; empty for everything." />
      <Field label="Reason" name="reason" hint="Those whom it concerns may read it.">
        {(attributes) => <textarea {...attributes} rows={3} maxLength={500} required />}
      </Field>
      <div class="row end">
        <button type="button" class="other" onClick={() => close(null)}>
          Leave it
        </button>
        <button class="danger">Engage it</button>
      </div>
    </Form>
  ));
  return answer !== null;
}
