// What was done by whoever is logged in, and to what is theirs, as the audit trail has it.

import { ok, user } from "../lib/api";
import { useListed } from "../lib/loading";
import { me } from "../lib/session";
import { actionOf, EntryDetails } from "../parts/audit";
import { Empty, Pill, Section, Time } from "../parts/basics";
import { List } from "../parts/list";

export function History() {
  const entries = useListed((query) => ok(user.GET("/v1/me/audit", { params: { query } })), []);
  const who = (actor: string) => (actor.split("/")[0] === me.value?.id ? "you" : actor);
  return (
    <Section title="What was done, by you and by others">
      <p class="quiet">A receipt proves that an entry is in the trail, to anybody, and without this platform. It can be had a quarter of an hour after the entry.</p>
      <List
        of={entries}
        label="History"
        keyOf={(each) => each.id}
        columns={[
          { name: "What", cell: (each) => <code>{actionOf(each.action)}</code> },
          { name: "When", cell: (each) => <Time at={each.recorded_at} /> },
          { name: "Outcome", wide: true, cell: (each) => <Pill of={each.outcome} /> },
          { name: "Who", wide: true, cell: (each) => who(each.actor) },
          { name: "How", cell: (each) => <EntryDetails of={each} receipt={(entry_id) => ok(user.GET("/v1/me/audit/{entry_id}/receipt", { params: { path: { entry_id } } }))} /> },
        ]}
        empty={<Empty title="Nothing was done yet." />}
      />
    </Section>
  );
}
