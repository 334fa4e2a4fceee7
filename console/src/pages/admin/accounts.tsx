// Everybody's accounts, and what administrators do about them.

import { ok, admin, tagged } from "../../lib/api";
import { useListed, useLoaded } from "../../lib/loading";
import { go, narrow, route, to } from "../../lib/router";
import { actFor, can, me } from "../../lib/session";
import { bytes, count } from "../../lib/time";
import { Empty, Facts, Heading, Id, Note, Pill, Section, Shown, spoken, Time } from "../../parts/basics";
import { ask, reasonFor } from "../../parts/dialog";
import { Action, Choice, Field, Form } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/admin";
import { Bar } from "../budget";

type Schemas = components["schemas"];
type Account = Schemas["AnyAccount"];

export const SCOPES = ["user", "admin", "catalog", "support", "auditor", "broker"];

export function Accounts({ parts: [id] }: { parts: string[] }) {
  return id ? <One id={id} /> : <Everybody />;
}

function stateOf({ suspended, purge_at, email_verified }: Account): string {
  if (suspended) return "suspended";
  if (purge_at) return "deleting";
  return email_verified ? "verified" : "unverified";
}

function Everybody() {
  const { query } = route.value;
  const [email, scope, suspended] = [query.get("email") ?? "", query.get("scope") ?? "", query.get("suspended") ?? ""];
  const list = useListed(
    (page) => {
      const wanted = { ...page, ...(email && { email }), ...(scope && { scope }), ...(suspended && { suspended: suspended === "true" }) };
      return ok(admin.GET("/v1/admin/accounts", { params: { query: wanted } }));
    },
    [email, scope, suspended],
  );
  return (
    <>
      <Heading title="Users" />
      <Form class="inline" label="Which to show" stays onSubmit={async ({ email }) => narrow({ email })}>
        <Field label="Address" name="email" type="search" pointer="?email" defaultValue={email} maxLength={320} />
        <Choice label="May do" name="scope" value={scope} options={[["", "Anything"], ...SCOPES.map((each) => [each, each] as const)]} onChange={(value) => narrow({ scope: value })} />
        <Choice
          label="Suspended"
          name="suspended"
          value={suspended}
          options={[
            ["", "Or not"],
            ["true", "Yes"],
            ["false", "No"],
          ]}
          onChange={(value) => narrow({ suspended: value })}
        />
        <button class="other">Show</button>
      </Form>
      <List
        of={list}
        label="Users"
        keyOf={(each) => each.id}
        columns={[
          { name: "Address", cell: (each) => <a href={to(["admin", "accounts", each.id])}>{each.email}</a> },
          { name: "State", cell: (each) => <Pill of={stateOf(each)} /> },
          { name: "May do", cell: (each) => each.scopes.join(", ") },
          { name: "Since", wide: true, cell: (each) => <Time at={each.created_at} /> },
        ]}
        empty={<Empty title="Nobody is like that." />}
      />
    </>
  );
}

function One({ id }: { id: string }) {
  const params = { path: { account_id: id } };
  const account = useLoaded(() => ok(admin.GET("/v1/admin/accounts/{account_id}", { params })), [id]);
  const limits = useLoaded(() => tagged(admin.GET("/v1/admin/accounts/{account_id}/limits", { params })), [id]);
  const budget = useLoaded(() => ok(admin.GET("/v1/admin/accounts/{account_id}/budget", { params })), [id]);

  async function act(title: string, text: string, yes: string, send: (reason: string) => Promise<Account>): Promise<void> {
    const reason = await reasonFor(title, { text, yes, danger: yes !== "Restore" });
    if (reason === null) return;
    account.value.value = await send(reason);
  }

  return (
    <>
      <Heading title={account.value.value?.email ?? "User"} crumbs={[["Users", to(["admin", "accounts"])]]} />
      <Shown of={account}>
        {(it) => (
          <>
            <Facts
              of={[
                ["State", <Pill of={stateOf(it)} />],
                ["May do", it.scopes.join(", ")],
                ["Since", <Time at={it.created_at} />],
                ["Purged", <Time at={it.purge_at} />],
                ["Id", <Id of={it.id} />],
              ]}
            />
            <p class="row">
              <a href={to(["admin", "instances"], { owner: id })}>Instances</a>
              <a href={to(["admin", "runs"], { owner: id })}>Runs</a>
              <a href={to(["admin", "audit"], { target: id })}>What was done to it</a>
              <a href={to(["admin", "audit"], { actor: id })}>What it did</a>
            </p>
            {it.id === me.value?.id ? (
              <p class="note">This is you. Nobody administers their own account.</p>
            ) : (
              <Section title="Act">
                <p class="quiet">Each takes a reason, which is kept in the audit trail.</p>
                <div class="row">
                  {it.suspended || it.purge_at ? (
                    <Action class="other" act={() => act(`Restore ${it.email}?`, "It can be used again.", "Restore", (reason) => ok(admin.POST("/v1/admin/accounts/{account_id}/restore", { params, body: { reason } })))}>
                      Restore
                    </Action>
                  ) : (
                    <Action class="danger other" act={() => act(`Suspend ${it.email}?`, "Its sessions and API keys end, and its instances are stopped.", "Suspend", (reason) => ok(admin.POST("/v1/admin/accounts/{account_id}/suspend", { params, body: { reason } })))}>
                      Suspend
                    </Action>
                  )}
                  <Action class="other" act={() => changeScopes(it, async (body) => (account.value.value = await ok(admin.PUT("/v1/admin/accounts/{account_id}/scopes", { params, body }))))}>
                    Change what it may do
                  </Action>
                  <Action class="danger other" act={() => act(`Reset the second factors of ${it.email}?`, "It logs in with its password alone then. Be sure whom you talk to.", "Reset", (reason) => ok(admin.POST("/v1/admin/accounts/{account_id}/reset-factors", { params, body: { reason } })))}>
                    Reset second factors
                  </Action>
                  <Action
                    class="other"
                    act={async () => {
                      const reason = await reasonFor(`Send ${it.email} a mail to set another password?`, { text: "The password that there is stays good until then.", yes: "Send it" });
                      if (reason === null) return undefined;
                      await ok(admin.POST("/v1/admin/accounts/{account_id}/password-reset", { params, body: { reason } }));
                      return "The mail is on its way.";
                    }}
                  >
                    Send a reset mail
                  </Action>
                  {!it.suspended && !it.purge_at && (
                    <Action class="other" act={() => impersonate(it)}>
                      Act for them
                    </Action>
                  )}
                </div>
              </Section>
            )}
          </>
        )}
      </Shown>
      <Sessions id={id} />
      <Section title="Limits">
        <Shown of={limits}>{({ value, etag }) => <Limits key={value.row_version} limits={value} save={async (body) => ok(admin.PUT("/v1/admin/accounts/{account_id}/limits", { params: { ...params, header: { "If-Match": etag } }, body })).then(limits.reload)} />}</Shown>
      </Section>
      <Section title="Budget given to it">
        {budget.problem.value && <Note problem={budget.problem.value} again={budget.reload} />}
        {budget.value.value && (
          <Facts
            of={[
              ["For each", budget.value.value.period ?? "no limit"],
              ["Runs", budget.value.value.runs],
              ["Cost", budget.value.value.cost],
              ["Spent", `${budget.value.value.spent.runs} runs, ${budget.value.value.spent.cost}`],
            ]}
          />
        )}
      </Section>
    </>
  );
}

function Sessions({ id }: { id: string }) {
  const path = { account_id: id };
  const sessions = useListed((query) => ok(admin.GET("/v1/admin/accounts/{account_id}/sessions", { params: { path, query } })), [id]);

  async function end(session: Schemas["Session"] | null): Promise<void> {
    const title = session ? "End this session?" : "End all its sessions?";
    const reason = await reasonFor(title, { text: "Whoever uses it logs in again.", yes: "End it", danger: true });
    if (reason === null) return;
    const query = { reason };
    if (session) await ok(admin.DELETE("/v1/admin/accounts/{account_id}/sessions/{session_id}", { params: { path: { ...path, session_id: session.id }, query } }));
    else await ok(admin.DELETE("/v1/admin/accounts/{account_id}/sessions", { params: { path, query } }));
    await sessions.reload();
  }

  return (
    <Section
      title="Sessions"
      actions={
        sessions.items.value?.length ? (
          <Action class="danger other small" act={() => end(null)}>
            End all
          </Action>
        ) : undefined
      }
    >
      <List
        of={sessions}
        label="Sessions"
        keyOf={(each) => each.id}
        columns={[
          { name: "Program", cell: (each) => each.device || "something unknown" },
          { name: "Network", cell: (each) => each.network || "unknown" },
          { name: "Last seen", cell: (each) => <Time at={each.last_seen_at} /> },
          {
            name: "End",
            cell: (each) => (
              <Action class="danger other small" act={() => end(each)}>
                End
              </Action>
            ),
          },
        ]}
        empty={<Empty title="It is logged in nowhere." />}
      />
    </Section>
  );
}

const LONGEST = 60;

async function impersonate({ id, email }: Account): Promise<void> {
  await ask(`Act for ${email}?`, (close) => (
    <Form
      onSubmit={async ({ reason = "", minutes = "", ...chosen }) => {
        const body = { reason: reason.trim(), minutes: Number(minutes), write: "write" in chosen };
        const { access_token, session_id, expires_at, may_write } = await ok(admin.POST("/v1/admin/accounts/{account_id}/impersonate", { params: { path: { account_id: id } }, body }));
        close("done");
        await actFor(access_token, { account: id, session: session_id, until: expires_at, writes: may_write });
        go([]);
      }}
    >
      <p>You see what they see. They are told at once, by mail too, and can end it.</p>
      <Field label="Minutes" name="minutes" type="number" min={1} max={LONGEST} defaultValue={15} required />
      {can("admin") && (
        <label class="row">
          <input type="checkbox" name="write" /> Change things for them, too
        </label>
      )}
      <Field label="Reason" name="reason" maxLength={500} required hint="They read it." />
      <div class="row end">
        <button type="button" class="other" onClick={() => close(null)}>
          Leave it
        </button>
        <button class="danger">Act for them</button>
      </div>
    </Form>
  ));
}

async function changeScopes({ email, scopes }: Account, save: (body: Schemas["NewScopes"]) => Promise<unknown>): Promise<void> {
  await ask(`What may ${email} do?`, (close) => (
    <Form
      onSubmit={async ({ reason = "", ...chosen }) => {
        await save({ reason, scopes: SCOPES.filter((scope) => `scope-${scope}` in chosen) });
        close("done");
      }}
    >
      <fieldset>
        <legend>It may do</legend>
        <div class="choices">
          {SCOPES.map((scope) => (
            <label key={scope} class="row">
              <input type="checkbox" name={`scope-${scope}`} defaultChecked={scopes.includes(scope)} /> {scope}
            </label>
          ))}
        </div>
      </fieldset>
      <Field label="Reason" name="reason" maxLength={500} required />
      <div class="row end">
        <button type="button" class="other" onClick={() => close(null)}>
          Leave it
        </button>
        <button>Change it</button>
      </div>
    </Form>
  ));
}

const LIMITS = ["instances", "log_bytes", "agent_memory_bytes"] as const;

function Limits({ limits, save }: { limits: Schemas["AccountLimits"]; save: (body: Schemas["NewAccountLimits"]) => Promise<unknown> }) {
  return (
    <>
      <div class="cards">
        {Object.entries(limits.usage).map(([name, { used, limit }]) => (
          <div key={name} class="card">
            <h3>{spoken(name)}</h3>
            <p>
              {name.includes("bytes") ? `${bytes(used)} of ${bytes(limit)}` : `${count(used)} of ${count(limit)}`}
              {limits.limits[name] !== undefined && <span class="quiet"> (its own limit)</span>}
            </p>
            <Bar part={limit ? used / limit : 1} label="Used" />
          </div>
        ))}
      </div>
      <details>
        <summary>Give it limits of its own</summary>
        <div class="card narrow">
          <Form
            stays
            onSubmit={async ({ reason = "", ...numbers }) => {
              const wanted = Object.fromEntries(LIMITS.map((name) => [name, numbers[name] ? Number(numbers[name]) : null]));
              await save({ reason, limits: wanted });
              return "They are set.";
            }}
          >
            {LIMITS.map((name) => (
              <Field key={name} label={spoken(name)} name={name} pointer={`/limits/${name}`} type="number" min={0} defaultValue={limits.limits[name] ?? ""} hint="Empty: what everybody has." />
            ))}
            <Field label="Reason" name="reason" maxLength={500} required />
            <div>
              <button>Set</button>
            </div>
          </Form>
        </div>
      </details>
    </>
  );
}
