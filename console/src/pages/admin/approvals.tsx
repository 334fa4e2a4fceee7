// What waits for a second administrator, and what was decided.

import { admin, ok } from "../../lib/api";
import { useFresh, useListed } from "../../lib/loading";
import { narrow, route } from "../../lib/router";
import { me } from "../../lib/session";
import { Empty, Heading, Json, Pill, spoken, Time } from "../../parts/basics";
import { reasonFor } from "../../parts/dialog";
import { Action, Choice } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/admin";
import { Linked } from "./why";

type Approval = components["schemas"]["Approval"];

export function Approvals() {
  const state = route.value.query.get("state") ?? "waiting";
  const list = useListed((query) => ok(admin.GET("/v1/admin/approvals", { params: { query: { ...query, ...(state !== "all" && { waiting: state === "waiting" }) } } })), [state]);
  useFresh(list, ({ type }) => type.startsWith("com.botberi.approval."), { everybody: true });

  async function decide({ id, action, target }: Approval, verb: "approve" | "reject"): Promise<void> {
    const what = `${spoken(action)} ${target}`;
    const reason = await reasonFor(verb === "approve" ? `Have it done: ${what}?` : `Reject it: ${what}?`, {
      text: verb === "approve" ? "It is done at once, with what it was asked for." : "Nothing is done. Whoever has asked for it reads why.",
      yes: verb === "approve" ? "Approve it" : "Reject it",
      danger: verb === "approve",
    });
    if (reason === null) return;
    const asked = { params: { path: { approval_id: id } }, body: { reason } };
    await ok(verb === "approve" ? admin.POST("/v1/admin/approvals/{approval_id}/approve", asked) : admin.POST("/v1/admin/approvals/{approval_id}/reject", asked));
    await list.reload();
  }

  return (
    <>
      <Heading title="Approvals" />
      <form class="inline" aria-label="Which to show">
        <Choice
          label="State"
          name="state"
          value={state}
          options={[
            ["waiting", "waiting"],
            ["decided", "decided"],
            ["all", "both"],
          ]}
          onChange={(value) => narrow({ state: value })}
        />
      </form>
      <List
        of={list}
        label="Approvals"
        keyOf={(each) => each.id}
        columns={[
          {
            name: "What",
            cell: (each) => (
              <>
                <strong>{spoken(each.action)}</strong>
                <div>
                  <Linked id={each.target} short />
                </div>
                <details>
                  <summary>With what</summary>
                  <Json of={each.arguments} />
                </details>
              </>
            ),
          },
          { name: "Why", cell: (each) => each.reason },
          {
            name: "Asked by",
            cell: (each) => (
              <>
                {each.requested_by === me.value?.id ? "you" : <Linked id={each.requested_by} short />} <Time at={each.requested_at} />
              </>
            ),
          },
          {
            name: "Decision",
            cell: (each) =>
              each.decision ? (
                <>
                  <Pill of={each.decision} /> <Time at={each.decided_at} />
                  <div class="quiet">{each.decision_reason}</div>
                </>
              ) : (
                <div class="row">
                  {each.requested_by !== me.value?.id && (
                    <Action class="small" act={() => decide(each, "approve")}>
                      Approve
                    </Action>
                  )}
                  <Action class="danger other small" act={() => decide(each, "reject")}>
                    Reject
                  </Action>
                  <span class="quiet">
                    until <Time at={each.expires_at} />
                  </span>
                </div>
              ),
          },
        ]}
        empty={
          <Empty title={state === "waiting" ? "Nothing waits for a second administrator." : "There is none like that."}>
            <p>Where two are needed, what is grave is asked for here first: yanking a version, force-deleting an instance, redriving many dead letters.</p>
          </Empty>
        }
      />
    </>
  );
}
