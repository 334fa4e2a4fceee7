// One's own account: who one is, where one is logged in, and what else opens it.

import type { ComponentType } from "preact";

import { ok, tagged, user } from "../lib/api";
import { useListed, useLoaded } from "../lib/loading";
import { to } from "../lib/router";
import { forget, logOut, reload } from "../lib/session";
import { Empty, Facts, Heading, Id, Pill, Section, Shown, Tabs, Time } from "../parts/basics";
import { confirmed } from "../parts/dialog";
import { Action, Field, Form } from "../parts/form";
import { List } from "../parts/list";
import { ApiKeys } from "./api-keys";
import { Factors } from "./factors";
import { History } from "./history";
import { Identities } from "./identities";
import { OwnData } from "./own-data";

const TABS = [
  ["", "Profile"],
  ["sessions", "Sessions"],
  ["factors", "Second factors"],
  ["providers", "Providers"],
  ["keys", "API keys"],
  ["history", "History"],
  ["data", "Your data"],
] as const;

const PAGES: Record<string, ComponentType> = { sessions: Sessions, factors: Factors, providers: Identities, keys: ApiKeys, history: History, data: OwnData };

export function Account({ parts: [tab = ""] }: { parts: string[] }) {
  const Page = PAGES[tab] ?? Profile;
  return (
    <>
      <Heading title="Account" />
      <Tabs here={tab} of={TABS.map(([key, name]) => [key, name, to(key ? ["account", key] : ["account"])])} />
      <Page />
    </>
  );
}

const or = (text: string | undefined) => text?.trim() || null;

function Profile() {
  const mine = useLoaded(() => tagged(user.GET("/v1/me")), []);
  return (
    <Shown of={mine}>
      {({ value, etag }) => (
        <>
          <Facts
            of={[
              ["Address", value.email],
              ["Verified", <Pill of={value.email_verified ? "yes" : "no"} />],
              ["May do", value.scopes.join(", ")],
              ["Since", <Time at={value.created_at} />],
              ["Id", <Id of={value.id} />],
            ]}
          />
          <div class="columns">
            <Section title="Profile">
              <div class="card">
                <Form
                  stays
                  onSubmit={async ({ name, locale, timezone }) => {
                    const body = { name: or(name), locale: or(locale), timezone: or(timezone) };
                    await ok(user.PATCH("/v1/me", { params: { header: { "If-Match": etag } }, body }));
                    await Promise.all([mine.reload(), reload()]);
                    return "It is changed.";
                  }}
                >
                  <Field label="What you want to be called" name="name" autocomplete="name" defaultValue={value.name ?? ""} maxLength={100} />
                  <Field label="Language" name="locale" defaultValue={value.locale ?? ""} placeholder="de-AT" maxLength={35} hint="A tag such as en, or pt-BR." />
                  <Field label="Time zone" name="timezone" defaultValue={value.timezone ?? ""} placeholder="Europe/Vienna" maxLength={64} />
                  <div>
                    <button>Save</button>
                  </div>
                </Form>
              </div>
            </Section>
            <Section title="Password">
              <div class="card">
                <Form
                  onSubmit={async ({ current_password = "", new_password = "" }) => {
                    await ok(user.PUT("/v1/me/password", { body: { current_password, new_password } }));
                    return "Your password is changed, and you are logged out everywhere else.";
                  }}
                >
                  <input type="email" name="email" autocomplete="username" value={value.email} readOnly hidden />
                  <Field label="Present password" name="current_password" type="password" autocomplete="current-password" required />
                  <Field label="New password" name="new_password" type="password" autocomplete="new-password" required hint="At least 12 characters, of any kind, and none that others would guess first." />
                  <div>
                    <button>Change the password</button>
                  </div>
                </Form>
              </div>
            </Section>
            <Section title="Another address">
              <div class="card">
                {value.new_email && (
                  <p class="note waiting">
                    It is to be {value.new_email}. Use what was sent to both addresses.{" "}
                    <Action
                      class="link"
                      act={async () => {
                        await ok(user.DELETE("/v1/me/email"));
                        await mine.reload();
                      }}
                    >
                      Leave it as it is
                    </Action>
                  </p>
                )}
                <Form
                  onSubmit={async ({ email = "", current_password = "" }) => {
                    await ok(user.POST("/v1/me/email", { body: { email, current_password } }));
                    await mine.reload();
                    return "A mail is on its way to both addresses. Use what is in each within a day.";
                  }}
                >
                  <Field label="New address" name="email" type="email" autocomplete="off" maxLength={320} required />
                  <Field label="Password" name="current_password" type="password" autocomplete="current-password" required />
                  <div>
                    <button>Move to it</button>
                  </div>
                </Form>
              </div>
            </Section>
          </div>
        </>
      )}
    </Shown>
  );
}

function Sessions() {
  const sessions = useListed((query) => ok(user.GET("/v1/me/sessions", { params: { query } })), []);
  return (
    <Section
      title="Where you are logged in"
      actions={
        <Action
          class="danger other"
          act={async () => {
            if (await confirmed("Log out everywhere?", { text: "All sessions end, this one too. API keys stay.", yes: "Log out everywhere", danger: true })) await logOut("all");
          }}
        >
          Log out everywhere
        </Action>
      }
    >
      <List
        of={sessions}
        label="Sessions"
        keyOf={(each) => each.id}
        columns={[
          {
            name: "Program",
            cell: (each) => (
              <>
                {each.client_name ?? (each.device || "something unknown")} {each.current && <span class="tag">this page</span>}
                {each.client_id && (
                  <div class="quiet">
                    By your consent, at <code>{each.resource}</code>. It is known by <code>{each.client_id}</code>.
                  </div>
                )}
              </>
            ),
          },
          { name: "Network", cell: (each) => each.network || "unknown" },
          { name: "Last seen", cell: (each) => <Time at={each.last_seen_at} /> },
          { name: "Since", wide: true, cell: (each) => <Time at={each.created_at} /> },
          {
            name: "End",
            cell: (each) => (
              <Action
                class="other small"
                label={`Log out ${each.client_name ?? each.device}`}
                act={async () => {
                  await ok(user.DELETE("/v1/me/sessions/{session_id}", { params: { path: { session_id: each.id } } }));
                  if (each.current) forget();
                  else await sessions.reload();
                }}
              >
                Log out
              </Action>
            ),
          },
        ]}
        empty={<Empty title="You are logged in nowhere." />}
      />
    </Section>
  );
}

