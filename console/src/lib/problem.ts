// What the API refuses a request with (RFC 9457), or what kept it from being reached.

import type { components } from "../schema/user";

export type FieldError = components["schemas"]["FieldError"];

type Told = Partial<components["schemas"]["Problem"]>;

export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly traceId: string | undefined;
  readonly errors: readonly FieldError[];

  constructor(told: Told, response?: Response) {
    const seconds = response?.status === 429 ? response.headers.get("Retry-After") : null;
    const detail = told.detail ?? "Something went wrong. Try again.";
    super(seconds ? `${detail} Try again in ${seconds} s.` : detail);
    this.status = response?.status ?? 0;
    this.code = told.code ?? "";
    this.title = told.title ?? "Something went wrong";
    this.traceId = told.trace_id;
    this.errors = told.errors ?? [];
  }
}

export const unreachable = () =>
  new ProblemError({ title: "Not reached", detail: "The service can't be reached. See whether you are online, then try again." });

// Returns the problem of an answer, whether or not it has one for a body.
export async function problemOf(response: Response): Promise<ProblemError> {
  const told: Told = await response.json().catch(() => ({}));
  return new ProblemError(told, response);
}

// Returns whatever was thrown as a problem that can be shown.
export function asProblem(thrown: unknown): ProblemError {
  if (thrown instanceof ProblemError) return thrown;
  if (thrown instanceof TypeError) return unreachable();
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ProblemError({ title: "Not done", detail });
}
