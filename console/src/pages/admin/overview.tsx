// How the platform is, as it happens.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { admin, broker, ok } from "../../lib/api";
import { onChanges, onEvents, watchEverybody, type CloudEvent } from "../../lib/live";
import { useLoaded, type Page } from "../../lib/loading";
import { to } from "../../lib/router";
import { can } from "../../lib/session";
import { count, clockTime } from "../../lib/time";
import { Empty, Heading, Pill, Section, Shown, spoken } from "../../parts/basics";
import { Plot } from "../../parts/plot";
import { TROUBLES } from "./instances";
import { RUN_TROUBLES } from "./runs";

// What is shown of a kind of trouble, and whether there is more.
const FEW = 5;

interface Trouble {
  name: string;
  href: string;
  items: { id: string; name: string; text: string; href: string }[];
  more: boolean;
}

const trouble = <T,>(name: string, href: string, page: Page<T>, show: (item: T) => Trouble["items"][number]): Trouble => ({
  name,
  href,
  items: page.items.map(show),
  more: page.next_cursor !== null,
});

async function readTroubles(): Promise<Trouble[]> {
  const ofInstances = TROUBLES.map(async (each) => {
    const page = await ok(admin.GET("/v1/admin/instances", { params: { query: { limit: FEW, trouble: each } } }));
    return trouble(`Instances: ${spoken(each)}`, to(["admin", "instances"], { trouble: each }), page, (item) => ({ id: item.id, name: item.name, text: item.message, href: to(["admin", "instances", item.id]) }));
  });
  const ofRuns = RUN_TROUBLES.filter((each) => each !== "awaiting_input").map(async (each) => {
    const page = await ok(admin.GET("/v1/admin/runs", { params: { query: { limit: FEW, trouble: each } } }));
    return trouble(`Runs: ${spoken(each)}`, to(["admin", "runs"], { trouble: each }), page, (item) => ({ id: item.id, name: item.id.slice(0, 12), text: item.explanation, href: to(["admin", "runs", item.id]) }));
  });
  const ofEvents = can("broker")
    ? [ok(broker.GET("/v1/dead-letters", { params: { query: { limit: FEW, resolved: false } } })).then((page) => trouble("Events: stuck", to(["admin", "events"]), page, (item) => ({ id: item.id, name: item.type.replace("com.botberi.", ""), text: item.detail, href: to(["admin", "events", item.id]) })))]
    : [];
  const all = await Promise.all([...ofInstances, ...ofRuns, ...ofEvents]);
  return all.filter(({ items }) => items.length);
}

export function Overview() {
  const troubles = useLoaded(readTroubles, []);
  const path = useLoaded(() => (can("broker") ? ok(broker.GET("/v1/event-path")) : Promise.resolve(null)), []);
  useEffect(() => watchEverybody(), []);
  useEffect(
    () =>
      onChanges(
        ({ type }) => /^com\.botberi\.(instance|run|budget|dead_letter|kill_switch)/.test(type),
        () => {
          void troubles.reload();
          void path.reload();
        },
        3000,
      ),
    [troubles, path],
  );
  return (
    <>
      <Heading title="Overview" />
      <Feed />
      {path.value.value && (
        <div class="cards">
          {path.value.value.databases.map((each) => (
            <div key={each.database} class="card">
              <div class="row spread">
                <h2>Events of {each.database}</h2>
                <Pill of={each.reachable ? "ok" : "down"} />
              </div>
              <p>
                <span class="figure">{count(each.waiting ?? 0)}</span> <span class="quiet">waiting, {count((each.parked ?? 0) + (each.dead ?? 0))} stuck</span>
              </p>
            </div>
          ))}
        </div>
      )}
      <Section title="What needs attention">
        <Shown of={troubles}>
          {(found) =>
            found.length ? (
              <ul class="cards">
                {found.map(({ name, href, items, more }) => (
                  <li key={name} class="card">
                    <div class="row spread">
                      <h3>
                        <a href={href}>{name}</a>
                      </h3>
                      <span class="figure">
                        {items.length}
                        {more && "+"}
                      </span>
                    </div>
                    <ul class="stack">
                      {items.map((item) => (
                        <li key={item.id}>
                          <a href={item.href}>{item.name}</a> <span class="quiet">{item.text}</span>
                        </li>
                      ))}
                    </ul>
                  </li>
                ))}
              </ul>
            ) : (
              <Empty title="Nothing needs attention." />
            )
          }
        </Shown>
      </Section>
    </>
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
