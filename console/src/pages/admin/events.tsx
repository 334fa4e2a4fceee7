// The path of events: what waits, and what is stuck.

import { useSignal } from "@preact/signals";
import { broker, ok } from "../../lib/api";
import { done } from "../../lib/four-eyes";
import { useFresh, useListed, useLoaded } from "../../lib/loading";
import { narrow, route, to } from "../../lib/router";
import { count, duration } from "../../lib/time";
import { Empty, Facts, Heading, Id, Json, Pill, Section, Shown, spoken, Time } from "../../parts/basics";
import { confirmed, reasonFor } from "../../parts/dialog";
import { Action, Choice, Field, Form } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/broker";

type Schemas = components["schemas"];

const KINDS = ["parked", "dead"] as const;
const DATABASES = ["user_psql", "shared_psql"] as const;

const one = <T extends string>(of: readonly T[], text: string | null): T | undefined => of.find((each) => each === text);

export function Events({ parts: [id] }: { parts: string[] }) {
  return id ? <DeadLetter id={id} /> : <Path />;
}

function Path() {
  const path = useLoaded(() => ok(broker.GET("/v1/event-path")), []);
  useFresh(path, () => true, { everybody: true, milliseconds: 3000 });
  return (
    <>
      <Heading title="Event path" />
      <Shown of={path}>
        {({ databases }) => (
          <div class="columns">
            {databases.map((each) => (
              <Database key={each.database} of={each} />
            ))}
          </div>
        )}
      </Shown>
      <DeadLetters />
    </>
  );
}

function Database({ of }: { of: Schemas["DatabasePath"] }) {
  const seconds = (number: number | null | undefined) => (number === null || number === undefined ? "–" : duration(number * 1000));
  return (
    <div class="card">
      <div class="row spread">
        <h2>{of.database}</h2>
        <Pill of={of.reachable ? "ok" : "down"} />
      </div>
      <Facts
        of={[
          ["Waiting", count(of.waiting ?? 0)],
          ["Oldest", seconds(of.oldest_seconds)],
          ["Parked", count(of.parked ?? 0)],
          ["Dead", count(of.dead ?? 0)],
          ["Relay at work", of.holder ?? "none"],
          ["Relays", of.relays ?? 0],
          ["Last moved", of.progress_seconds === null || of.progress_seconds === undefined ? "–" : `${seconds(of.progress_seconds)} ago`],
          ["Probe took", seconds(of.probe_seconds)],
        ]}
      />
    </div>
  );
}

function DeadLetters() {
  const { query } = route.value;
  const kind = one(KINDS, query.get("kind"));
  const database = one(DATABASES, query.get("database"));
  const [type, resolved] = [query.get("type") ?? "", query.get("resolved") === "true"];
  const narrowed = { ...(kind && { kind }), ...(database && { database }), ...(type && { type }) };
  const list = useListed((page) => ok(broker.GET("/v1/dead-letters", { params: { query: { ...page, ...narrowed, resolved } } })), [kind, database, type, resolved]);
  const outcome = useSignal("");

  async function redriveAll(): Promise<void> {
    const body = { ...narrowed, limit: 1000 };
    const dry = done(await ok(broker.POST("/v1/dead-letters/redrive", { params: { query: { dry_run: true } }, body })));
    if (!dry) return;
    const text = `${dry.count} would be sent on their way once more, oldest first${dry.more ? "; there are more than these" : ""}.`;
    if (!(await confirmed("Redrive all that are shown here?", { text, yes: `Redrive ${dry.count}` }))) return;
    const redriven = done(await ok(broker.POST("/v1/dead-letters/redrive", { body })));
    if (redriven) outcome.value = `${redriven.count} are on their way.`;
    await list.reload();
  }

  return (
    <Section
      title="Dead letters and parked events"
      actions={
        list.items.value?.length && !resolved ? (
          <Action class="other" act={redriveAll}>
            Redrive all of these
          </Action>
        ) : undefined
      }
    >
      {outcome.value && <p class="note good">{outcome.value}</p>}
      <Form class="inline" label="Which to show" stays onSubmit={async ({ type }) => narrow({ type })}>
        <Choice label="Kind" name="kind" value={kind ?? ""} options={[["", "Both"], ...KINDS.map((each) => [each, each] as const)]} onChange={(value) => narrow({ kind: value })} />
        <Choice label="Database" name="database" value={database ?? ""} options={[["", "Both"], ...DATABASES.map((each) => [each, each] as const)]} onChange={(value) => narrow({ database: value })} />
        <Choice
          label="State"
          name="resolved"
          value={String(resolved)}
          options={[
            ["false", "open"],
            ["true", "resolved"],
          ]}
          onChange={(value) => narrow({ resolved: value })}
        />
        <Field label="Type" name="type" pointer="?type" defaultValue={type} placeholder="com.botberi.…" maxLength={200} />
        <button class="other">Show</button>
      </Form>
      <List
        of={list}
        label="Dead letters and parked events"
        keyOf={(each) => each.id}
        columns={[
          {
            name: "Event",
            cell: (each) => (
              <>
                <a href={to(["admin", "events", each.id])}>{each.type.replace("com.botberi.", "")}</a>
                <div class="quiet">{each.subject}</div>
              </>
            ),
          },
          { name: "Kind", cell: (each) => <Pill of={each.resolution ?? each.kind} /> },
          {
            name: "Why",
            cell: (each) => (
              <>
                <div>{spoken(each.reason)}</div>
                <div class="quiet">{each.detail}</div>
              </>
            ),
          },
          { name: "Queue", wide: true, cell: (each) => each.queue ?? each.database },
          { name: "Attempts", wide: true, cell: (each) => each.attempts },
          { name: "Since", cell: (each) => <Time at={each.died_at} /> },
        ]}
        empty={<Empty title={resolved ? "None was resolved." : "Nothing is stuck."} />}
      />
    </Section>
  );
}

function DeadLetter({ id }: { id: string }) {
  const params = { path: { dead_letter_id: id } };
  const letter = useLoaded(() => ok(broker.GET("/v1/dead-letters/{dead_letter_id}", { params })), [id]);

  async function discard(): Promise<void> {
    const reason = await reasonFor("Discard it?", { text: "It is given up. It stays to be read.", yes: "Discard it", danger: true });
    if (reason === null) return;
    await ok(broker.POST("/v1/dead-letters/{dead_letter_id}/discard", { params, body: { resolution_reason: reason } }));
    await letter.reload();
  }

  async function redrive(): Promise<void> {
    await ok(broker.POST("/v1/dead-letters/{dead_letter_id}/redrive", { params }));
    await letter.reload();
  }

  return (
    <>
      <Heading title="Dead letter" crumbs={[["Event path", to(["admin", "events"])]]}>
        {letter.value.value?.resolution === null && (
          <>
            <Action act={redrive}>Redrive</Action>
            <Action class="danger other" act={discard}>
              Discard
            </Action>
          </>
        )}
      </Heading>
      <Shown of={letter}>
        {(it) => (
          <>
            <div class="card">
              <div class="row">
                <Pill of={it.resolution ?? it.kind} />
                <strong>{it.type}</strong>
              </div>
              <p class="lead">{spoken(it.reason)}</p>
              <p>{it.detail}</p>
            </div>
            <Facts
              of={[
                ["Subject", <Id of={it.subject} />],
                ["Queue", it.queue ?? "before RabbitMQ"],
                ["Database", it.database],
                ["Attempts", it.attempts],
                ["Since", <Time at={it.died_at} />],
                ["Source", it.source],
                ["Resolved", it.resolved_at ? <Time at={it.resolved_at} /> : "not yet"],
                ["By", it.resolved_by],
                ["Because", it.resolution_reason],
                ["Event", <Id of={it.event_id} />],
              ]}
            />
            <Section title="The event">
              <p class="quiet">Free text in it is masked.</p>
              <Json of={it.event} />
            </Section>
          </>
        )}
      </Shown>
    </>
  );
}
