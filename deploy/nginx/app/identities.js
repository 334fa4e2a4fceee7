// Going to OpenID providers and coming back. What is begun is kept in this tab's session storage until the browser is back, and
// taken out before anything else is done: without it, nothing comes of an address that somebody was lured to.

import { send } from "./api.js";

const KEY = "identity";

// The query is out of the address bar and the history before any request is made.
export const query = Object.fromEntries(new URLSearchParams(location.search));
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

function kept() {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return text && JSON.parse(text);
}

export async function providers() {
  try {
    return (await send("auth/oidc")).items;
  } catch {
    return [];
  }
}

// Has the browser go to a provider; `more` is kept until it is back, and `page` is where that is wanted.
export async function go(provider, page, more) {
  const { challenge, authorization_url } = await send(`auth/oidc/${provider}/begin`, null);
  sessionStorage.setItem(KEY, JSON.stringify({ provider, challenge, page, ...more }));
  location.assign(authorization_url);
}

// Returns what was begun with what the provider has told, if the browser is just back from one, and this is the page. All come
// back to one address, and go on from there.
export function back(page) {
  const begun = kept();
  if (!begun) return null;
  const answer = begun.answer ?? query;
  if (!answer.state) return null;
  if (begun.page === page) return { ...begun, answer };
  sessionStorage.setItem(KEY, JSON.stringify({ ...begun, answer }));
  location.replace(begun.page + (begun.hash ?? ""));
  return null;
}

// What is sent of it.
export function proof({ challenge, answer }) {
  const { code, state, iss, error } = answer;
  if (error || !code) throw new Error("The provider hasn't said who you are. Nothing has changed.");
  return { challenge, code, state, ...(iss && { iss }) };
}
