// OpenID providers. What is begun is kept in this tab's session storage until the browser is back from one, and taken out before
// anything else is done: without it, nothing comes of an address that somebody was lured to.

import type { components } from "../schema/user";
import { send } from "./session";

type Schemas = components["schemas"];
export type Provider = Schemas["IdentityProvider"];

interface Begun {
  provider: string;
  challenge: string;
  // Where the browser is wanted, seen from the page that providers send it back to, which goes on from there.
  page: string;
  hash: string;
  // Whether the account that is logged in is to be linked.
  links: boolean;
  // What the provider has sent the browser back with.
  answer?: { code?: string; state?: string; iss?: string; error?: string };
}

const KEY = "identity";

function take(): Begun | null {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  const begun = text ? (JSON.parse(text) as Begun) : null;
  return begun?.answer ? begun : null;
}

let begun = take();

export async function providers(): Promise<Provider[]> {
  const response = await fetch("/v1/auth/oidc", { credentials: "omit" });
  return response.ok ? ((await response.json()) as Schemas["IdentityProviders"]).items : [];
}

// Has the browser go to a provider, and come back to where it is.
export async function go(provider: string, links: boolean): Promise<void> {
  const { challenge, authorization_url } = await send<Schemas["IdentityLogin"]>(`/v1/auth/oidc/${encodeURIComponent(provider)}/begin`, undefined, { cookie: false });
  const kept: Begun = { provider, challenge, page: "../console", hash: location.hash, links };
  sessionStorage.setItem(KEY, JSON.stringify(kept));
  location.assign(authorization_url);
}

interface Brought {
  provider: string;
  proof: Schemas["ProviderAnswer"];
}

// Returns what the browser has just brought back from a provider, once; null when there is nothing like that. Throws Error.
export function brought(links: boolean): Brought | null {
  if (begun?.links !== links) return null;
  const { provider, challenge, answer } = begun;
  begun = null;
  const { code, state, iss, error } = answer ?? {};
  if (error || !code || !state) throw new Error("The provider hasn't said who you are. Nothing has changed.");
  return { provider, proof: { challenge, code, state, ...(iss && { iss }) } };
}
