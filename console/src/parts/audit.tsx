// Entries of the audit trail, and what proves them.

import { useSignal } from "@preact/signals";

import { saveJson } from "../lib/files";
import { Json, tell } from "./basics";
import { Action } from "./form";

interface Entry {
  id: string;
  database: string;
  origin: string;
  details?: Record<string, unknown> | null;
}

interface Props {
  of: Entry;
  // Reads what proves that it is in the trail.
  receipt: (id: string) => Promise<unknown>;
}

export const actionOf = (action: string) => action.replace(/^com\.botberi\.|\.v\d+$/g, "");

export function EntryDetails({ of, receipt }: Props) {
  const opened = useSignal(false);
  return (
    <>
      <button type="button" class="link" aria-expanded={opened.value} onClick={() => (opened.value = !opened.value)}>
        {opened.value ? "Less" : "More of it"}
      </button>
      {opened.value && (
        <>
          {of.details ? <Json of={{ id: of.id, database: of.database, origin: of.origin, ...of.details }} /> : <p class="quiet">Its details were erased.</p>}
          <Action
            class="other small"
            act={async () => {
              saveJson(`receipt-${of.id}.json`, await receipt(of.id));
              tell("The receipt is saved.");
            }}
          >
            Save its receipt
          </Action>
        </>
      )}
    </>
  );
}
