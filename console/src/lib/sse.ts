// Server-Sent Events that need a token, which EventSource can't send.

import { problemOf } from "./problem";
import { sendAuthorised } from "./session";

const sleep = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

// Calls `show` with the data of each event, from connection to connection, until `signal` is aborted. Throws ProblemError.
export async function followStream(path: string, show: (data: string) => void, signal: AbortSignal): Promise<void> {
  let last = "";
  let pause = 500;
  while (!signal.aborted) {
    try {
      const headers = new Headers({ Accept: "text/event-stream" });
      if (last) headers.set("Last-Event-ID", last);
      const response = await sendAuthorised(new Request(path, { headers, credentials: "omit", cache: "no-store", signal }));
      if (response.status === 204) return;
      if (!response.ok && response.status < 500 && response.status !== 429) throw await problemOf(response);
      if (response.ok && response.body) {
        pause = 500;
        last = await readBlocks(response.body, last, show);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TypeError)) throw error;
      pause = Math.min(pause * 2, 30_000);
    }
    await sleep(pause * (0.5 + Math.random()), signal);
  }
}

// Returns the id of the last event.
async function readBlocks(body: ReadableStream<Uint8Array>, before: string, show: (data: string) => void): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let last = before;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true as const, value: undefined }));
    if (done) return last;
    const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const of = (name: string) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart());
      const data = of("data");
      if (data.length) show(data.join("\n"));
      last = of("id")[0] ?? last;
    }
  }
}
