// Whether the audit trail is what it was, and all of it as a file.

import { useSignal } from "@preact/signals";

import { admin, ok } from "../../lib/api";
import { broken, fetchLines, save } from "../../lib/files";
import { absolute, count } from "../../lib/time";
import { Facts, Id, Pill, Section, tell } from "../../parts/basics";
import { Action, Choice, Form } from "../../parts/form";
import type { components } from "../../schema/admin";

type Schemas = components["schemas"];
type Database = "user_psql" | "shared_psql";

const DATABASES = ["user_psql", "shared_psql"] as const satisfies readonly Database[];

const BREAKS: Record<Schemas["FirstBreak"]["kind"], string> = {
  entry_changed: "An entry isn't what was sealed.",
  details_changed: "The details of an entry aren't those that it was committed to.",
  entry_missing: "There is a seal, and its entry is gone.",
  entry_unsealed: "There is an entry that has no seal, and waits for none.",
  entry_unlisted: "An entry isn't found by whom or what it is about.",
  seal_missing: "A number is left out.",
  seal_changed: "A seal doesn't go on from the one before: it was changed, inserted or moved.",
  tail_cut: "The chain ends before what was anchored.",
  rewritten: "The chain goes on from seal to seal, and is another than what was anchored.",
  anchor_missing: "An anchor isn't where it was put, or the database knows it no more.",
  anchor_changed: "An anchor isn't what was put there, or doesn't go on from the one before.",
};

interface Verdict {
  checked: number;
  broken: Schemas["FirstBreak"] | null;
  anchor: Schemas["ComparedAnchor"] | null;
  ended: boolean;
}

// Yields what is found, part by part: a long trail takes many requests.
async function* verify(database: Database): AsyncGenerator<Verdict> {
  let from: number | null = 1;
  let checked = 0;
  while (from !== null) {
    const part: Schemas["Verified"] = await ok(admin.GET("/v1/admin/audit/verify", { params: { query: { database, from_seq: from } } }));
    checked += part.checked;
    from = part.next_seq;
    yield { checked, broken: part.first_break, anchor: part.anchor, ended: from === null };
  }
}

export function Proof() {
  return (
    <>
      <Section title="Whether it is what it was">
        <p class="quiet">Each entry is compared with its seal, each seal with the one before, and the chain with the anchors that are kept elsewhere.</p>
        <div class="columns">
          {DATABASES.map((database) => (
            <Verification key={database} of={database} />
          ))}
        </div>
      </Section>
      <Export />
    </>
  );
}

function Verification({ of }: { of: Database }) {
  const verdict = useSignal<Verdict | null>(null);
  const found = verdict.value;
  return (
    <div class="card">
      <div class="row spread">
        <h3>{of}</h3>
        {found?.ended && <Pill of={found.broken ? "broken" : "intact"} />}
      </div>
      {found && (
        <>
          {found.broken && (
            <div class="note bad" role="alert">
              <strong>{BREAKS[found.broken.kind]}</strong>
              <p>
                At {found.broken.kind.startsWith("anchor") ? "anchor" : "seal"} {count(found.broken.seq)}
                {found.broken.entry_id && (
                  <>
                    , entry <Id of={found.broken.entry_id} />
                  </>
                )}
                . Keep what there is, and compare it with the last export and the copies of the anchors.
              </p>
            </div>
          )}
          <Facts
            of={[
              [found.ended ? "Entries" : "Entries so far", count(found.checked)],
              ["Compared up to anchor", found.anchor ? count(found.anchor.number) : "none yet"],
              ...(found.anchor
                ? ([
                    ["Which was made", absolute(found.anchor.at)],
                    ["And has the entries up to", count(found.anchor.last_seq)],
                  ] satisfies [string, string][])
                : []),
            ]}
          />
        </>
      )}
      <div>
        <Action
          label={`Verify ${of}`}
          act={async () => {
            for await (const part of verify(of)) verdict.value = part;
            const end = verdict.value;
            return end?.broken ? `${of} is broken.` : `${of} is what it was.`;
          }}
        >
          Verify
        </Action>
      </div>
    </div>
  );
}

const FORMATS = { ndjson: "Lines of JSON, which can be verified", csv: "A table (CSV)" } as const;

// Returns how many entries an export has whose end says so, and what it ends with. Throws ProblemError.
function endOf(format: string, last: string, lines: number): { entries: number; tip: string } {
  let end: { end?: unknown; count?: unknown; tip?: unknown } = {};
  if (format === "csv") {
    const [mark, , told, tip = ""] = last.trim().split(",");
    end = { end: mark === "end", count: Number(told), tip };
  } else {
    try {
      end = JSON.parse(last) as typeof end;
    } catch {
      // A line that was cut off.
    }
  }
  const entries = lines - (format === "csv" ? 2 : 1);
  if (end.end !== true || end.count !== entries) throw broken("The export has no end, or not as many entries as that says.");
  return { entries, tip: String(end.tip) };
}

function Export() {
  const lines = useSignal(0);
  return (
    <Section title="All of it as a file">
      <div class="card narrow">
        <Form
          stays
          label="Export"
          onSubmit={async ({ database = "", format = "" }) => {
            lines.value = 0;
            const file = await fetchLines(`/v1/admin/audit/export?${new URLSearchParams({ database, format })}`, (number) => (lines.value = number));
            const { entries, tip } = endOf(format, file.last, file.count);
            save(`audit-${database.replace("_", "-")}.${format}`, file.content);
            const told = `${count(entries)} entries are saved, and the file's end says that these are all. ${tip && `The tip is ${tip.slice(0, 16)}….`}`;
            tell(told);
            return told;
          }}
        >
          <Choice label="Trail of" name="database" options={DATABASES.map((each) => [each, each] as const)} />
          <Choice label="As" name="format" options={Object.entries(FORMATS)} />
          <div class="row">
            <button>Export</button>
            {lines.value > 0 && <span class="quiet">{count(lines.value)} lines</span>}
          </div>
        </Form>
        <p class="hint">
          <code>botberi audit verify --file</code> verifies lines of JSON without this platform. Entries of the last minute may not be sealed yet, and so not in it.
        </p>
      </div>
    </Section>
  );
}
