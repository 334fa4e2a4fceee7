// The frame around every page: who is logged in, where one can go, and whether what is shown is live.

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { admin, ok } from "./lib/api";
import { waiting } from "./lib/four-eyes";
import { live } from "./lib/live";
import { route, to } from "./lib/router";
import { acting, actNoMore, can, logOut, me, type Acting } from "./lib/session";
import { clockTime } from "./lib/time";
import { Empty, Heading, Loading, said } from "./parts/basics";
import { Dialogs } from "./parts/dialog";
import { Action } from "./parts/form";
import { LogIn } from "./parts/log-in";
import { pages, type Entry } from "./pages";

export function App() {
  return (
    <>
      <p class="visually-hidden" role="status">
        {said.value}
      </p>
      {me.value === undefined ? <Loading /> : me.value === null ? <Door /> : <Inside />}
      <Dialogs />
    </>
  );
}

function Door() {
  return (
    <main class="door">
      <p class="brand">Botberi</p>
      <Heading title="Log in" />
      <LogIn done={() => undefined} />
      <p class="quiet">
        <a href="/app/sign-up">Sign up</a> · <a href="/app/reset-password">Forgotten the password?</a>
      </p>
    </main>
  );
}

const GROUPS: [string, (entry: Entry) => boolean][] = [
  ["Yours", ({ scope }) => !scope],
  ["Administration", ({ scope }) => Boolean(scope)],
];

const allowed = ({ scope }: Entry) => !scope || scope.some(can);

function Inside() {
  const opened = useSignal(false);
  const { parts, path } = route.value;
  useEffect(() => {
    opened.value = false;
    waiting.value = "";
    scrollTo(0, 0);
  }, [path]);
  const [entry, rest] = found(parts);
  const Page: ComponentType<{ parts: string[] }> = entry?.page ?? Nowhere;
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={skip}>
        Skip to what is on the page
      </a>
      <header class="top">
        <button type="button" class="other small menu" aria-expanded={opened.value} aria-controls="menu" onClick={() => (opened.value = !opened.value)}>
          Menu
        </button>
        <a class="brand" href={to([])}>
          Botberi
        </a>
        <Live />
      </header>
      <nav id="menu" class={opened.value ? "side open" : "side"} aria-label="Pages">
        {GROUPS.map(([name, belongs]) => {
          const shown = pages.filter((each) => each.title && belongs(each) && allowed(each));
          return shown.length ? (
            <div key={name}>
              <p class="group">{name}</p>
              <ul>
                {shown.map((each) => (
                  <li key={each.at.join("/")}>
                    <a href={to(each.at)} aria-current={each === entry ? "page" : undefined}>
                      {each.title}
                    </a>
                  </li>
                ))}
              </ul>
            </div>
          ) : null;
        })}
        <div class="who">
          <span class="clip" title={me.value?.email}>
            {me.value?.name ?? me.value?.email}
          </span>
          {!acting.value && (
            <button type="button" class="link" onClick={() => void logOut()}>
              Log out
            </button>
          )}
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        {acting.value && <ActingFor how={acting.value} />}
        {waiting.value && (
          <div class="note waiting" role="status">
            <p>
              {waiting.value} <a href={to(["admin", "approvals"])}>See what waits</a>
            </p>
            <button type="button" class="other small" onClick={() => (waiting.value = "")}>
              Good
            </button>
          </div>
        )}
        <Page key={[...(entry?.at ?? []), ...rest.slice(0, 1)].join("/")} parts={rest} />
      </main>
    </div>
  );
}

// Whoever acts for somebody else is told so on every page.
function ActingFor({ how: { account, session, until, writes } }: { how: Acting }) {
  const path = { account_id: account, session_id: session };
  return (
    <div class="note bad" role="status">
      <p>
        You act for <strong>{me.value?.email}</strong>, until {clockTime(until)}. {writes ? "What you change is changed for them." : "You can look, and change nothing."} They are told, and it is in the audit trail.
      </p>
      <Action
        class="small"
        act={() => actNoMore(() => ok(admin.DELETE("/v1/admin/accounts/{account_id}/sessions/{session_id}", { params: { path, query: { reason: "Done with acting for them." } } })))}
      >
        Stop acting for them
      </Action>
    </div>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

// Returns the page of an address, and the parts of the address that are the page's own.
function found(parts: string[]): [Entry | undefined, string[]] {
  const fitting = pages.filter(({ at }) => at.every((part, index) => parts[index] === part) && (at.length || !parts.length));
  const entry = fitting.filter(allowed).sort((one, other) => other.at.length - one.at.length)[0];
  return [entry, parts.slice(entry?.at.length ?? 0)];
}

function Nowhere() {
  return (
    <>
      <Heading title="Nothing here" />
      <Empty title="There is no such page, or you may not see it.">
        <a href={to([])}>Go to what needs you</a>
      </Empty>
    </>
  );
}

const STATES = {
  off: "Not connected",
  connecting: "Connecting …",
  live: "Live",
  stale: "Events are late",
  paused: "Paused",
} as const;

function Live() {
  return (
    <span class={`live ${live.value}`} role="status">
      <i aria-hidden="true" />
      {STATES[live.value]}
    </span>
  );
}
