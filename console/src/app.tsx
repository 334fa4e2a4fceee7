// The frame around every page: who is logged in, where one can go, and whether what is shown is live.

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { live } from "./lib/live";
import { route, to } from "./lib/router";
import { can, logOut, me } from "./lib/session";
import { Empty, Heading, Loading, said } from "./parts/basics";
import { Dialogs } from "./parts/dialog";
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
          <button type="button" class="link" onClick={() => void logOut()}>
            Log out
          </button>
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        <Page key={[...(entry?.at ?? []), ...rest.slice(0, 1)].join("/")} parts={rest} />
      </main>
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
