// The three APIs, with the types of their OpenAPI documents.

import createClient from "openapi-fetch";

import type { paths as AdminPaths } from "../schema/admin";
import type { paths as BrokerPaths } from "../schema/broker";
import type { paths as UserPaths } from "../schema/user";
import { asProblem, ProblemError } from "./problem";
import { sendAuthorised } from "./session";

const options = {
  baseUrl: location.origin,
  fetch: sendAuthorised,
  credentials: "omit",
  cache: "no-store",
  querySerializer: { array: { style: "form", explode: false } },
} as const;

export const user = createClient<UserPaths>(options);
export const admin = createClient<AdminPaths>(options);
export const broker = createClient<BrokerPaths>(options);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

// Returns what was answered. Throws ProblemError.
export async function ok<T>(asked: Promise<Answer<T>>): Promise<T> {
  return (await tagged(asked)).value;
}

// Returns what was answered together with its ETag, which a change of it needs. Throws ProblemError.
export async function tagged<T>(asked: Promise<Answer<T>>): Promise<{ value: T; etag: string }> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch (error) {
    throw asProblem(error);
  }
  const { data, error, response } = answer;
  if (!response.ok) throw new ProblemError(typeof error === "object" && error ? error : {}, response);
  // An answer without a body has nothing for a value.
  return { value: data as T, etag: response.headers.get("ETag") ?? "*" };
}

export const newKey = () => ({ "Idempotency-Key": crypto.randomUUID() });
