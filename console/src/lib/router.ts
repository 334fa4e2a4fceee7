// Addresses are behind the #: the page is one file, and what is looked at reaches no server's log.

import { computed, signal } from "@preact/signals";

const current = signal(location.hash);
addEventListener("hashchange", () => {
  current.value = location.hash;
});

export interface Route {
  // `/instances/ins_…/logs` as its parts.
  parts: string[];
  path: string;
  query: URLSearchParams;
}

export const route = computed<Route>(() => {
  const [path = "", query = ""] = current.value.replace(/^#/, "").split("?");
  return { path, parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
});

type Query = Record<string, string | undefined>;

// Returns the address of a page, for an `href`.
export function to(parts: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  const search = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export function go(parts: readonly string[], query: Query = {}): void {
  location.hash = to(parts, query);
}

// Changes what is behind the question mark, without a new entry in the history.
export function narrow(query: Query): void {
  const merged = { ...Object.fromEntries(route.value.query), ...query };
  history.replaceState(null, "", to(route.value.parts, merged));
  current.value = location.hash;
}
