// Requests to the API at the address that the pages come from.

// A body, or null for none, is posted; without either it is a GET, unless a method is named. What is refused is thrown, with
// the problem's members.
export async function send(path, body, token, method = body === undefined ? "GET" : "POST") {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) };
  const request = { method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store" };
  let response, answer;
  try {
    response = await fetch(`../v1/${path}`, request);
    const text = await response.text();
    answer = text ? JSON.parse(text) : {};
  } catch {
    throw new Error("The service can't be reached: try again.");
  }
  if (response.ok) return answer;
  const seconds = response.status === 429 && response.headers.get("Retry-After");
  const message = `${answer.detail ?? "Something went wrong: try again."}${seconds ? ` (${seconds} s)` : ""}`;
  throw Object.assign(new Error(message), { status: response.status, code: answer.code, errors: answer.errors ?? [] });
}
