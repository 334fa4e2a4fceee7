// Who is logged in. The access token is in a variable of this page alone, the refresh token in a cookie that no script sees.

import { signal } from "@preact/signals";

import type { components } from "../schema/user";
import { asProblem, problemOf, unreachable } from "./problem";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Pair = Schemas["TokenPair"];
export type MfaRequired = Schemas["MfaRequired"];

// Undefined until it is known, null when nobody is.
export const me = signal<Me | null | undefined>(undefined);

export const can = (scope: string) => me.value?.scopes.includes(scope) ?? false;

interface Kept {
  access: string;
  // When another is asked for, in milliseconds.
  until: number;
}

let kept: Kept | undefined;
// What was kept of whoever acts for somebody else at the moment. Their cookie is the same all the time, so a reload ends it.
let own: Kept | undefined;

export interface Acting {
  session: string;
  account: string;
  until: string;
  writes: boolean;
}

export const acting = signal<Acting | null>(null);
let renewal: Promise<void> | undefined;

const keep = (pair: Pair) => {
  kept = { access: pair.access_token, until: Date.now() + (pair.expires_in - 30) * 1000 };
};

interface Sent {
  token?: string | undefined;
  // Whether it may set the cookie, or take it away.
  cookie?: boolean;
}

// Sends a request that is about sessions. Throws ProblemError.
export async function send<T>(path: string, body?: unknown, { token, cookie = true }: Sent = {}): Promise<T> {
  const headers = new Headers();
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (cookie) headers.set("Refresh-Token-In", "cookie");
  const request: RequestInit = { method: "POST", headers, credentials: cookie ? "same-origin" : "omit", cache: "no-store" };
  if (body !== undefined) request.body = JSON.stringify(body);
  const response = await fetch(path, request).catch(() => Promise.reject(unreachable()));
  if (!response.ok) throw await problemOf(response);
  // An answer without a body is nothing.
  return (response.status === 204 ? undefined : await response.json()) as T;
}

// One tab at a time: what another was answered is in the cookie then.
async function renew(): Promise<void> {
  const pair = await navigator.locks.request("refresh", () => send<Pair | undefined>("/v1/auth/refresh", {}));
  if (!pair) return forget();
  keep(pair);
  // Somebody else has logged in in another tab: nothing of who was here may stay on the page.
  if (me.value && me.value.id !== accountOf(pair)) location.reload();
}

const accountOf = ({ access_token }: Pair) => (JSON.parse(atob((access_token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))) as { sub: string }).sub;

function renewed(): Promise<void> {
  renewal ??= renew().finally(() => {
    renewal = undefined;
  });
  return renewal;
}

// Returns an access token that is good, or nothing when nobody is logged in. Throws ProblemError.
export async function token(): Promise<string | undefined> {
  if (kept && Date.now() > kept.until) {
    if (own) location.reload();
    await renewed();
  }
  return kept?.access;
}

// Has whoever is logged in act for somebody else, with the token that they were given for it.
export async function actFor(access: string, how: Acting): Promise<void> {
  own = kept;
  kept = { access, until: new Date(how.until).getTime() };
  acting.value = how;
  await reload();
}

// Has the page be that of whoever acts for somebody else again: `end` is called as them.
export async function actNoMore(end: () => Promise<unknown>): Promise<void> {
  kept = own;
  own = undefined;
  try {
    await end();
  } finally {
    location.reload();
  }
}

// Has somebody come in with a pair of tokens.
export async function enter(pair: Pair): Promise<void> {
  const before = kept;
  keep(pair);
  if (before) void send("/v1/auth/logout", undefined, { token: before.access, cookie: false }).catch(() => undefined);
  await reload();
}

// Reads anew who is logged in.
export async function reload(): Promise<void> {
  const response = await sendAuthorised(new Request("/v1/me", { credentials: "omit", cache: "no-store" }));
  if (!response.ok) throw await problemOf(response);
  me.value = (await response.json()) as Me;
}

export function forget(): void {
  kept = undefined;
  me.value = null;
}

export async function logOut(which: "this" | "all" = "this"): Promise<void> {
  const access = await token();
  if (access) await send(`/v1/auth/logout?sessions=${which}`, undefined, { token: access }).catch(() => undefined);
  forget();
}

// Goes on with the log-in that there was before the page was loaded, if there was one: whether there is can be asked again as
// long as it isn't told.
export async function begin(): Promise<void> {
  for (let pause = 500; pause < 10_000; pause *= 2) {
    try {
      await renewed();
      if (kept) await reload();
      return;
    } catch (thrown) {
      const { status } = asProblem(thrown);
      if (status && status !== 429 && status < 500) break;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  forget();
}

// Asks whoever is logged in to show again, or better, that they are; set by the dialog that does. Resolves to whether they have.
export const stepUp: { ask: (secondFactor: boolean, reading: boolean) => Promise<boolean> } = { ask: () => Promise.resolve(false) };

const AGAIN = new Set(["reauthentication_required", "insufficient_aal"]);

// Sends a request with the access token. What wants a newer or a better log-in is sent again after that.
export async function sendAuthorised(request: Request): Promise<Response> {
  const answer = await attempt(request);
  if (answer.status !== 401 && answer.status !== 403) return answer;
  const { code } = await problemOf(answer.clone());
  if (AGAIN.has(code) && kept && !own) return (await stepUp.ask(code === "insufficient_aal", request.method === "GET")) ? attempt(request) : answer;
  if (answer.status !== 401 || !kept) return answer;
  if (own) location.reload();
  // Another tab may have logged in once more, by which the session of this one has ended.
  await renewed().catch(forget);
  return kept ? attempt(request) : answer;
}

async function attempt(request: Request): Promise<Response> {
  const sent = request.clone();
  const access = await token();
  if (access) sent.headers.set("Authorization", `Bearer ${access}`);
  return fetch(sent);
}
