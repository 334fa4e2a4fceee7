// What an agent writes, as it comes.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { asProblem, type ProblemError } from "../lib/problem";
import { followStream } from "../lib/sse";
import { absolute, clockTime } from "../lib/time";
import type { components } from "../schema/user";
import { Empty, Note } from "../parts/basics";
import { Choice } from "../parts/form";

type Line = components["schemas"]["InstanceLogLine"];

const LEVELS = [
  ["debug", "everything"],
  ["info", "info and above"],
  ["warning", "warnings and above"],
  ["error", "errors alone"],
] as const;

// What is older is read by the API: a page isn't to grow without an end.
const KEPT = 1000;

export function Logs({ path }: { path: string }) {
  const level = useSignal("debug");
  const lines = useSignal<Line[]>([]);
  const problem = useSignal<ProblemError | null>(null);
  const place = useRef<HTMLOListElement>(null);

  useEffect(() => {
    let connection = new AbortController();
    let last = 0;
    lines.value = [];
    const show = (data: string) => {
      const line = JSON.parse(data) as Line;
      if (line.sequence <= last) return;
      last = line.sequence;
      lines.value = [...lines.value, line].slice(-KEPT);
    };
    const follow = () => {
      connection = new AbortController();
      followStream(`${path}?limit=100&level=${level.value}`, show, connection.signal).catch((thrown: unknown) => {
        problem.value = asProblem(thrown);
      });
    };
    // Nobody looks at a hidden tab: it comes back to where it was.
    const seen = () => (document.hidden ? connection.abort() : follow());
    follow();
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      connection.abort();
    };
  }, [path, level.value]);

  // Whoever looks at the end stays there.
  const list = place.current;
  const atEnd = !list || list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  useEffect(() => {
    if (atEnd) place.current?.scrollTo(0, place.current.scrollHeight);
  }, [lines.value]);

  return (
    <>
      <form class="inline" aria-label="Which to show">
        <Choice label="Show" name="level" options={LEVELS} value={level.value} onChange={(value) => (level.value = value)} />
      </form>
      {problem.value && <Note problem={problem.value} />}
      {lines.value.length === 0 ? (
        <Empty title="Nothing is written yet.">
          <p>What the agent writes appears here as it comes.</p>
        </Empty>
      ) : (
        <ol class="log" ref={place} tabIndex={0} aria-label="Log">
          {lines.value.map((line) => (
            <li key={line.sequence} class={line.level}>
              <span title={absolute(line.at)}>{clockTime(line.at)}</span>
              <span>{line.level}</span>
              <div>{line.text}</div>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}
