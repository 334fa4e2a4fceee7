// How the platform is, as it happens.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { admin, ok } from "../../lib/api";
import { onEvents, type CloudEvent } from "../../lib/live";
import { useFresh, useLoaded } from "../../lib/loading";
import { to } from "../../lib/router";
import { clockTime, count, duration } from "../../lib/time";
import { Empty, Heading, Section, Shown, spoken } from "../../parts/basics";
import { Plot } from "../../parts/plot";
import type { components } from "../../schema/admin";
import { TROUBLES } from "./instances";
import { RUN_TROUBLES } from "./runs";
import { Linked } from "./why";

type Need = components["schemas"]["Need"];
type Figures = components["schemas"]["Overview"];

export function Overview() {
  const overview = useLoaded(() => ok(admin.GET("/v1/admin/overview")), []);
  useFresh(overview, () => true, { everybody: true, milliseconds: 2000 });
  return (
    <>
      <Heading title="Overview" />
      <Feed />
      <Shown of={overview}>
        {(it) => (
          <>
            <Cards of={it} />
            <Section title="What needs attention">
              {it.needs_attention.length ? (
                <ul class="cards">
                  {it.needs_attention.map((need) => (
                    <Attention key={`${need.kind} ${need.trouble}`} need={need} />
                  ))}
                </ul>
              ) : (
                <Empty title="Nothing needs attention." />
              )}
            </Section>
          </>
        )}
      </Shown>
    </>
  );
}

const sum = (of: Record<string, number>) => Object.values(of).reduce((one, other) => one + other, 0);

function Card({ title, figure, parts, href }: { title: string; figure: number | string; parts: Record<string, number | string | null>; href?: string }) {
  const shown = Object.entries(parts).filter(([, value]) => value !== null && value !== 0);
  return (
    <div class="card">
      <h2>{href ? <a href={href}>{title}</a> : title}</h2>
      <p class="figure">{typeof figure === "number" ? count(figure) : figure}</p>
      <p class="quiet">{shown.map(([name, value]) => `${typeof value === "number" ? count(value) : value} ${spoken(name)}`).join(", ")}</p>
    </div>
  );
}

const lasting = (seconds: number | null) => (seconds === null ? null : duration(seconds * 1000));

function Cards({ of: { accounts, instances, runs, event_path, instances_due, oldest_due_seconds, kill_switches, versions } }: { of: Figures }) {
  return (
    <div class="cards">
      <Card title="Instances" figure={sum(instances)} parts={instances} href={to(["admin", "instances"])} />
      <Card title="Open runs" figure={sum(runs.open)} parts={{ ...runs.open, "since the oldest began to wait": lasting(runs.oldest_waiting_seconds) }} href={to(["admin", "runs"])} />
      <Card title="Runs that ended today" figure={sum(runs.ended_today)} parts={{ ...runs.ended_today, spent: runs.spent_today }} />
      <Card title="Users" figure={sum(accounts)} parts={accounts} href={to(["admin", "accounts"])} />
      <Card title="Instances due" figure={instances_due} parts={{ "since the oldest was due": lasting(oldest_due_seconds), "kill switches engaged": kill_switches }} href={to(["admin", "jobs"])} />
      <Card title="Versions of agents" figure={sum(versions)} parts={versions} href={to(["admin", "agents"])} />
      {event_path.map((path) => (
        <Card key={path.database} title={`Events of ${path.database}`} figure={path.waiting} parts={{ "since the oldest": lasting(path.oldest_seconds), parked: path.parked, dead: path.dead, "relays connected": path.relays }} href={to(["admin", "events"])} />
      ))}
    </div>
  );
}

// Where all of them are listed; nowhere for what has no list.
function listed({ kind, trouble }: Need): string | null {
  if (kind === "instance" && TROUBLES.some((each) => each === trouble)) return to(["admin", "instances"], { trouble });
  if (kind === "run" && RUN_TROUBLES.some((each) => each === trouble)) return to(["admin", "runs"], { trouble });
  return kind === "event" || kind === "subscriber" ? to(["admin", "events"]) : null;
}

function Attention({ need }: { need: Need }) {
  const href = listed(need);
  const title = `${spoken(need.kind)}s: ${spoken(need.trouble)}`;
  return (
    <li class="card">
      <div class="row spread">
        <h3>{href ? <a href={href}>{title}</a> : title}</h3>
        <span class="figure">{count(need.count)}</span>
      </div>
      <p>{need.to_do}</p>
      <ul>
        {need.ids.slice(0, 5).map((id) => (
          <li key={id}>
            <Linked id={id} short />{" "}
            <a href={to(["admin", "why", id])}>
              Why<span class="visually-hidden"> {id}</span>?
            </a>
          </li>
        ))}
      </ul>
    </li>
  );
}

const SPAN = 120;
const KINDS = ["instance", "run", "other"] as const;

interface Second {
  at: number;
  counts: Record<(typeof KINDS)[number], number>;
}

const kindOf = (type: string): (typeof KINDS)[number] => (type.startsWith("com.botberi.instance.") ? "instance" : type.startsWith("com.botberi.run.") ? "run" : "other");
const empty = (at: number): Second => ({ at, counts: { instance: 0, run: 0, other: 0 } });

// Everybody's events of the last two minutes, counted as they come.
function Feed() {
  const now = Math.floor(Date.now() / 1000);
  const seconds = useSignal<readonly Second[]>(Array.from({ length: SPAN }, (_, index) => empty(now - SPAN + index + 1)));
  const newest = useSignal<readonly CloudEvent[]>([]);
  useEffect(() => {
    let current = empty(Math.floor(Date.now() / 1000));
    const stop = onEvents((event) => {
      current.counts[kindOf(event.type)] += 1;
      newest.value = [event, ...newest.value].slice(0, 8);
    });
    // Not a question to anybody: the plot moves on.
    const clock = setInterval(() => {
      const at = Math.floor(Date.now() / 1000);
      if (document.hidden || at <= current.at) return;
      const last = seconds.value.at(-1)?.at ?? 0;
      const missing = Array.from({ length: Math.max(Math.min(at - 1 - last, SPAN), 0) }, (_, index) => empty(at - 1 - Math.min(at - 1 - last, SPAN) + index + 1));
      const filled = missing.map((each) => (each.at === current.at ? current : each));
      seconds.value = [...seconds.value, ...filled].slice(-SPAN);
      current = empty(at);
    }, 1000);
    return () => {
      stop();
      clearInterval(clock);
    };
  }, []);
  return (
    <Section title="Events of the last two minutes">
      <div class="card">
        <Plot label="Events by second" times={seconds.value.map(({ at }) => at)} lines={KINDS.map((kind) => ({ name: { instance: "Instances", run: "Runs", other: "All else" }[kind], values: seconds.value.map(({ counts }) => counts[kind]) }))} />
        {newest.value.length > 0 && (
          <ol class="feed" aria-label="Newest events">
            {newest.value.map((event) => (
              <li key={event.id}>
                <span class="quiet">{clockTime(event.time)}</span> {event.type.replace(/^com\.botberi\.|\.v\d+$/g, "")} <code class="id">{event.subject}</code>
              </li>
            ))}
          </ol>
        )}
      </div>
    </Section>
  );
}
