// What runs have used and may use, of an account or of one of its instances.

import type { components } from "../schema/user";
import { Facts, Time } from "../parts/basics";
import { Action, Choice, Field, Form } from "../parts/form";

type Schemas = components["schemas"];
type RunBudget = Schemas["RunBudget"];

// Returns how much of a budget is spent, from 0 on; null where there is no limit.
export function fractionOf({ runs, cost, spent, reserved }: RunBudget): number | null {
  const parts = [
    runs === null ? null : runs ? (spent.runs + reserved.runs) / runs : 1,
    cost === null ? null : Number(cost) ? (Number(spent.cost) + Number(reserved.cost)) / Number(cost) : 1,
  ].filter((part) => part !== null);
  return parts.length ? Math.max(...parts) : null;
}

const limited = (used: string | number, limit: string | number | null) => (limit === null ? `${used}, without a limit` : `${used} of ${limit}`);

export function Bar({ part, label }: { part: number; label: string }) {
  return (
    <div class={part >= 1 ? "bar over" : "bar"} role="img" aria-label={`${label}: ${Math.round(part * 100)} %`}>
      <i style={{ width: `${Math.min(part, 1) * 100}%` }} />
    </div>
  );
}

interface Props {
  budget: RunBudget;
  save: (terms: Schemas["BudgetTerms"]) => Promise<void>;
  remove: () => Promise<void>;
}

export function Budget({ budget, save, remove }: Props) {
  const part = fractionOf(budget);
  return (
    <div class="card narrow">
      {budget.period ? (
        <>
          {part !== null && <Bar part={part} label="Spent" />}
          <Facts
            of={[
              ["Runs", limited(budget.spent.runs, budget.runs)],
              ["Cost", limited(budget.spent.cost, budget.cost)],
              ["Cost of a run", budget.cost_per_run ?? "without a limit"],
              ["Renewed", <Time at={budget.renews_at} />],
            ]}
          />
        </>
      ) : (
        <p>There is no limit.</p>
      )}
      <details>
        <summary>{budget.period ? "Change the limit" : "Set a limit"}</summary>
        <Form
          stays
          onSubmit={async ({ period, runs = "", cost = "", cost_per_run = "" }) => {
            await save({ period: period === "day" ? "day" : "month", runs: runs ? Number(runs) : null, cost: cost || null, cost_per_run: cost_per_run || null });
            return "The limit is set.";
          }}
        >
          <Choice
            label="For each"
            name="period"
            value={budget.period ?? "month"}
            options={[
              ["day", "day"],
              ["month", "month"],
            ]}
          />
          <Field label="Runs" name="runs" type="number" min={0} defaultValue={budget.runs ?? ""} hint="Empty: any number." />
          <Field label="Cost" name="cost" type="number" min={0} step="any" defaultValue={budget.cost ?? ""} hint="Empty: without a limit." />
          <Field label="Cost of a run" name="cost_per_run" type="number" min={0} step="any" defaultValue={budget.cost_per_run ?? ""} hint="What each run is taken to cost at most before it begins." />
          <div class="row">
            <button>Set</button>
            {budget.period && (
              <Action class="danger other" act={remove}>
                Remove the limit
              </Action>
            )}
          </div>
        </Form>
      </details>
    </div>
  );
}
