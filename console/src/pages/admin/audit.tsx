// The audit trail: who did what to what.

import { admin, ok } from "../../lib/api";
import { useListed } from "../../lib/loading";
import { narrow, route, to } from "../../lib/router";
import { actionOf, EntryDetails } from "../../parts/audit";
import { Empty, Heading, Pill, Tabs, Time } from "../../parts/basics";
import { Choice, Field, Form } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/admin";
import { Proof } from "./proof";
import { Linked } from "./why";

type Entry = components["schemas"]["AuditEntry"];

const ORIGINS = ["request", "command", "event"] as const satisfies readonly Entry["origin"][];
const OUTCOMES = ["succeeded", "refused", "failed"] as const satisfies readonly Entry["outcome"][];

const one = <T extends string>(of: readonly T[], text: string | null): T | undefined => of.find((each) => each === text);

// What a field for a day says, as the moment at which it begins here.
const moment = (day: string | undefined) => (day ? new Date(`${day}T00:00`).toISOString() : undefined);

export function Audit({ parts: [tab = ""] }: { parts: string[] }) {
  return (
    <>
      <Heading title="Audit" />
      <Tabs
        here={tab}
        of={[
          ["", "Entries", to(["admin", "audit"])],
          ["proof", "Verify and export", to(["admin", "audit", "proof"])],
        ]}
      />
      {tab === "proof" ? <Proof /> : <Entries />}
    </>
  );
}

function Entries() {
  const { query } = route.value;
  const [actor, action, target] = [query.get("actor") ?? "", query.get("action") ?? "", query.get("target") ?? ""];
  const [origin, outcome] = [one(ORIGINS, query.get("origin")), one(OUTCOMES, query.get("outcome"))];
  const [from, until] = [query.get("from") ?? "", query.get("to") ?? ""];
  const list = useListed(
    (page) => {
      const days = { ...(from && { from: moment(from) }), ...(until && { to: moment(until) }) };
      const wanted = { ...page, ...(actor && { actor }), ...(action && { action }), ...(target && { target }), ...(origin && { origin }), ...(outcome && { outcome }), ...days };
      return ok(admin.GET("/v1/admin/audit", { params: { query: wanted } }));
    },
    [actor, action, target, origin, outcome, from, until],
  );
  return (
    <>
      <Form class="inline" label="Which to show" stays onSubmit={async ({ actor, action, target, from, to }) => narrow({ actor, action, target, from, to })}>
        <Field label="Who" name="actor" pointer="?actor" defaultValue={actor} placeholder="usr_…" maxLength={200} />
        <Field label="Did what" name="action" pointer="?action" defaultValue={action} placeholder="suspend_account" maxLength={200} />
        <Field label="To what" name="target" pointer="?target" defaultValue={target} placeholder="ins_…" maxLength={200} />
        <Field label="From" name="from" type="date" pointer="?from" defaultValue={from} />
        <Field label="Before" name="to" type="date" pointer="?to" defaultValue={until} />
        <Choice label="Origin" name="origin" value={origin ?? ""} options={[["", "Any"], ...ORIGINS.map((each) => [each, each] as const)]} onChange={(value) => narrow({ origin: value })} />
        <Choice label="Outcome" name="outcome" value={outcome ?? ""} options={[["", "Any"], ...OUTCOMES.map((each) => [each, each] as const)]} onChange={(value) => narrow({ outcome: value })} />
        <button class="other">Show</button>
        <button type="button" class="other" onClick={() => void list.reload()}>
          Read it anew
        </button>
      </Form>
      <List
        of={list}
        label="Audit trail"
        keyOf={(each) => each.id}
        columns={[
          { name: "What", cell: (each) => <code>{actionOf(each.action)}</code> },
          { name: "When", cell: (each) => <Time at={each.recorded_at} /> },
          { name: "Outcome", cell: (each) => <Pill of={each.outcome} /> },
          { name: "Who", wide: true, cell: (each) => <Linked id={each.actor} short /> },
          {
            name: "To what, and how",
            cell: (each) => (
              <>
                {each.targets.map((target) => (
                  <div key={target}>
                    <Linked id={target} short />
                  </div>
                ))}
                <EntryDetails of={each} receipt={(entry_id) => ok(admin.GET("/v1/admin/audit/{entry_id}/receipt", { params: { path: { entry_id } } }))} />
              </>
            ),
          },
        ]}
        empty={<Empty title="Nothing is in it like that." />}
      />
    </>
  );
}
