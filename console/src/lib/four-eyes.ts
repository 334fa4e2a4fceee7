// What another administrator has to approve before it is done, where that is wanted.

import { signal } from "@preact/signals";

// Shown above the page until it is put away.
export const waiting = signal("");

// Returns what was answered; null, and says so, when nothing is done yet.
export function done<T extends object>(answer: T): Exclude<T, { requested_by: string }> | null {
  if (!("requested_by" in answer)) return answer as Exclude<T, { requested_by: string }>;
  waiting.value = "Nothing is done yet: another administrator has to approve it.";
  return null;
}
