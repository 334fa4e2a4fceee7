// Files that are made of answers, and given to whoever asked for them.

import { ProblemError, problemOf } from "./problem";
import { sendAuthorised } from "./session";

export interface Lines {
  content: Blob;
  count: number;
  // The last of them.
  last: string;
}

const NEWLINE = 10;
const END = 64 * 1024;

// Returns what an address answers with as lines, and tells meanwhile how many have come. Throws ProblemError.
export async function fetchLines(path: string, tell: (count: number) => void): Promise<Lines> {
  const response = await sendAuthorised(new Request(path, { credentials: "omit", cache: "no-store" }));
  if (!response.ok || !response.body) throw await problemOf(response);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => Promise.reject(broken("The connection ended before all of it was here.")));
    if (done) break;
    parts.push(value as Uint8Array<ArrayBuffer>);
    for (const byte of value) if (byte === NEWLINE) count += 1;
    tell(count);
  }
  const content = new Blob(parts, { type: response.headers.get("Content-Type") ?? "" });
  const end = await content.slice(Math.max(content.size - END, 0)).text();
  return { content, count, last: end.trimEnd().split("\n").at(-1) ?? "" };
}

export const broken = (detail: string) => new ProblemError({ title: "Not all of it is here", detail: `${detail} Nothing was saved: try again.` });

// Has the browser save something as a file.
export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const saveJson = (name: string, value: unknown) => save(name, new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
