// The catalog, as those see it who curate it: agents, versions and what they differ by, publishing, channels.

import { useSignal, type Signal } from "@preact/signals";

import { admin, newKey, ok, tagged, user } from "../../lib/api";
import { difference } from "../../lib/difference";
import { done } from "../../lib/four-eyes";
import { useListed, useLoaded } from "../../lib/loading";
import { go, narrow, route, to } from "../../lib/router";
import { count } from "../../lib/time";
import { Empty, Facts, Heading, Loading, Note, Pill, Section, Shown, Time } from "../../parts/basics";
import { reasonFor } from "../../parts/dialog";
import { Action, Choice, Field, Form } from "../../parts/form";
import { List } from "../../parts/list";
import type { components } from "../../schema/admin";

type Schemas = components["schemas"];
const CHANNELS = ["stable", "beta"] as const satisfies readonly Schemas["Channel"][];
const VERBS = { published: "Publish again", deprecated: "Deprecate", yanked: "Yank" } as const;
const CATALOG: [string, string] = ["Catalog", to(["admin", "agents"])];

export function Agents({ parts: [slug, tab] }: { parts: string[] }) {
  if (slug === "new") return <Create />;
  if (slug && tab === "publish") return <Publish slug={slug} />;
  return slug ? <Agent slug={slug} /> : <All />;
}

function All() {
  const q = route.value.query.get("q") ?? "";
  const list = useListed((query) => ok(admin.GET("/v1/admin/agents", { params: { query: { ...query, ...(q && { q }) } } })), [q]);
  return (
    <>
      <Heading title="Curate the catalog">
        <a class="button" href={to(["admin", "agents", "new"])}>
          Add an agent
        </a>
      </Heading>
      <Form class="inline" label="Search" stays onSubmit={async ({ q }) => narrow({ q })}>
        <Field label="Search" name="q" type="search" defaultValue={q} maxLength={100} />
        <button class="other">Find</button>
      </Form>
      <List
        of={list}
        label="Agents"
        keyOf={(each) => each.id}
        columns={[
          {
            name: "Agent",
            cell: (each) => (
              <>
                <a href={to(["admin", "agents", each.slug])}>{each.name}</a>
                <div class="quiet">{each.slug}</div>
              </>
            ),
          },
          { name: "What it does", cell: (each) => each.summary },
          { name: "Channels", cell: (each) => Object.entries(each.channels).map(([name, version]) => `${name} ${version}`).join(", ") || "none" },
          { name: "Listed", cell: (each) => <Pill of={each.listed ? "yes" : "no"} /> },
        ]}
        empty={<Empty title={q ? "No agent is found by that." : "The catalog is empty."} />}
      />
    </>
  );
}

const list = (text: string | undefined) => (text ?? "").split(",").map((each) => each.trim()).filter(Boolean);

function Create() {
  return (
    <>
      <Heading title="Add an agent" crumbs={[CATALOG]} />
      <div class="card narrow">
        <Form
          stays
          onSubmit={async ({ slug = "", name = "", summary = "", description = "", tags }) => {
            await ok(admin.POST("/v1/admin/agents", { params: { header: newKey() }, body: { slug, name, summary, description, tags: list(tags) } }));
            go(["admin", "agents", slug]);
          }}
        >
          <Field label="Slug" name="slug" pattern="[a-z][a-z0-9\-]{1,62}" required hint="In its addresses, for good: small letters, digits and hyphens." />
          <Field label="Name" name="name" maxLength={100} required />
          <Field label="What it does, in one sentence" name="summary" maxLength={200} required />
          <Field label="Description" name="description">
            {(attributes) => <textarea {...attributes} rows={4} maxLength={4000} />}
          </Field>
          <Field label="Tags" name="tags" hint="With commas between them." />
          <div>
            <button>Add it</button>
          </div>
        </Form>
      </div>
    </>
  );
}

// Says how many have something of a version.
const concerned = ({ instances, running, owners }: Schemas["Affected"]) =>
  instances ? `${count(instances)} instances of ${count(owners)} owners are of it, ${count(running)} of them to run.` : "No instance is of it.";

function Agent({ slug }: { slug: string }) {
  const path = { slug };
  const agent = useLoaded(() => tagged(admin.GET("/v1/admin/agents/{slug}", { params: { path } })), [slug]);
  const versions = useListed((query) => ok(user.GET("/v1/agents/{slug}/versions", { params: { path, query } })), [slug]);

  async function update(body: Schemas["AgentChanges"]): Promise<void> {
    const etag = agent.value.value?.etag ?? "*";
    await ok(admin.PATCH("/v1/admin/agents/{slug}", { params: { path, header: { "If-Match": etag } }, body }));
    await agent.reload();
  }

  async function change(number: string, status: Schemas["VersionStatus"]): Promise<void> {
    const texts = { deprecated: "Whoever launches it reads why.", yanked: "Nobody can launch it; what runs of it goes on.", published: "It can be launched as before." };
    const params = { path: { slug, number } };
    const affected = await ok(admin.GET("/v1/admin/agents/{slug}/versions/{number}/affected", { params }));
    const text = (
      <>
        {texts[status]} {concerned(affected)}
        {status === "yanked" && affected.channels.length > 0 && ` Move ${affected.channels.join(" and ")} away from it first.`}
      </>
    );
    const reason = await reasonFor(`Have ${number} ${status}?`, { text, yes: status === "published" ? "Publish it again" : `Have it ${status}`, danger: status === "yanked" });
    if (reason === null) return;
    const { etag } = await tagged(admin.GET("/v1/admin/agents/{slug}/versions/{number}", { params }));
    done(await ok(admin.PATCH("/v1/admin/agents/{slug}/versions/{number}", { params: { ...params, header: { "If-Match": etag } }, body: { status, reason } })));
    await versions.reload();
  }

  const numbers = versions.items.value?.map(({ number }) => number) ?? [];
  return (
    <>
      <Heading title={agent.value.value?.value.name ?? slug} crumbs={[CATALOG]}>
        <a class="button" href={to(["admin", "agents", slug, "publish"])}>
          Publish a version
        </a>
      </Heading>
      <Shown of={agent}>
        {({ value }) => (
          <>
            <p>{value.summary}</p>
            <Facts
              of={[
                ["Listed", <Pill of={value.listed ? "yes" : "no"} />],
                ["Shown first", value.featured_rank ? `in place ${count(value.featured_rank)}` : "no"],
                ["Tags", value.tags.join(", ") || "none"],
                ["Changed", <Time at={value.updated_at} />],
              ]}
            />
            <div class="row">
              <Action class="other" act={() => update({ listed: !value.listed })}>
                {value.listed ? "List it no more" : "List it"}
              </Action>
              {value.featured_rank > 0 && (
                <Action class="other" act={() => update({ featured_rank: 0 })}>
                  Show it first no more
                </Action>
              )}
            </div>
            <Form class="inline" label="Show it first" stays onSubmit={({ rank }) => update({ featured_rank: Number(rank) })}>
              <Field label="Place among those that are shown first" name="rank" pointer="/featured_rank" type="number" min={1} max={1000} defaultValue={value.featured_rank || 1} required />
              <button class="other">{value.featured_rank ? "Move it there" : "Show it first"}</button>
            </Form>
          </>
        )}
      </Shown>
      <Section title="Channels">
        <div class="columns">
          {CHANNELS.map((channel) => (
            <Channel key={channel} slug={slug} channel={channel} numbers={numbers} />
          ))}
        </div>
      </Section>
      <Section title="Versions">
        <List
          of={versions}
          label="Versions"
          keyOf={(each) => each.id}
          columns={[
            { name: "Version", cell: (each) => <a href={to(["catalog", slug, each.number])}>{each.number}</a> },
            { name: "Status", cell: (each) => <Pill of={each.status} /> },
            { name: "What is new", wide: true, cell: (each) => each.status_reason || each.changelog },
            { name: "Published", wide: true, cell: (each) => <Time at={each.published_at} /> },
            {
              name: "Change",
              cell: (each) => (
                <div class="row">
                  {(["published", "deprecated", "yanked"] as const)
                    .filter((status) => status !== each.status)
                    .map((status) => (
                      <Action key={status} class={status === "yanked" ? "danger other small" : "other small"} label={`${VERBS[status]} ${each.number}`} act={() => change(each.number, status)}>
                        {VERBS[status]}
                      </Action>
                    ))}
                </div>
              ),
            },
          ]}
          empty={<Empty title="Nothing is published yet." />}
        />
      </Section>
      {numbers.length > 1 && <Differences slug={slug} numbers={numbers} />}
    </>
  );
}

interface ChannelProps {
  slug: string;
  channel: Schemas["Channel"];
  numbers: readonly string[];
}

function Channel({ slug, channel, numbers }: ChannelProps) {
  const path = { slug, channel };
  const state = useLoaded(() => tagged(admin.GET("/v1/admin/agents/{slug}/channels/{channel}", { params: { path } })), [slug, channel]);
  const moves = useListed((query) => ok(admin.GET("/v1/admin/agents/{slug}/channels/{channel}/moves", { params: { path, query } })), [slug, channel]);
  const header = () => ({ "If-Match": state.value.value?.etag ?? "*" });
  const again = () => Promise.all([state.reload(), moves.reload()]);
  const preview = useSignal<Schemas["ChannelPreview"] | null>(null);

  async function rollBack(): Promise<void> {
    const reason = await reasonFor(`Roll ${channel} back?`, { text: "It points at the version that the present one replaced.", yes: "Roll it back" });
    if (reason === null) return;
    await ok(admin.POST("/v1/admin/agents/{slug}/channels/{channel}/roll-back", { params: { path, header: header() }, body: { reason } }));
    await again();
  }

  return (
    <div class="card">
      <h3>{channel}</h3>
      <Shown of={state}>
        {({ value }) => (
          <>
            <p>
              <span class="figure">{value.version ?? "nothing"}</span>
              {value.candidate && (
                <span class="quiet">
                  {" "}
                  and {value.candidate.version} for {value.candidate.percent} %
                </span>
              )}
            </p>
            <details>
              <summary>Move it</summary>
              <Form
                stays
                onSubmit={async ({ version, candidate, percent, reason = "", force }, button) => {
                  const body = { version: version || null, candidate: candidate ? { version: candidate, percent: Number(percent) } : null, force: force === "on", reason };
                  const query = { validate_only: button === "look" };
                  const answer = await ok(admin.PUT("/v1/admin/agents/{slug}/channels/{channel}", { params: { path, query, header: header() }, body }));
                  preview.value = "shares" in answer ? answer : null;
                  if ("shares" in answer) return undefined;
                  await again();
                  return "It is moved.";
                }}
              >
                <Choice label="Version" name="version" value={value.version ?? ""} options={[["", "nothing"], ...numbers.map((each) => [each, each] as const)]} />
                <Choice label="Candidate" name="candidate" value={value.candidate?.version ?? ""} options={[["", "none"], ...numbers.map((each) => [each, each] as const)]} />
                <Field label="For how many percent of new instances" name="percent" pointer="/candidate/percent" type="number" min={0} max={100} defaultValue={value.candidate?.percent ?? 10} />
                <Field label="Reason" name="reason" maxLength={500} required />
                <label class="row">
                  <input type="checkbox" name="force" /> Down, to nothing, or to a pre-release too
                </label>
                <div class="row">
                  <button>Move it</button>
                  <button class="other" value="look">
                    See what it would do
                  </button>
                  <Action class="other" act={rollBack}>
                    Roll it back
                  </Action>
                </div>
                <Preview of={preview} />
              </Form>
            </details>
          </>
        )}
      </Shown>
      <ol class="timeline">
        {moves.items.value?.slice(0, 5).map((each) => (
          <li key={each.id}>
            <div>
              <p>
                {each.previous ?? "nothing"} → <strong>{each.version ?? "nothing"}</strong> <span class="quiet">{each.kind.replace("_", " ")},</span> <Time at={each.moved_at} />
              </p>
              {each.reason && <p class="quiet">{each.reason}</p>}
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}

// By itself, so that what is chosen in the form around it stays.
function Preview({ of }: { of: Signal<Schemas["ChannelPreview"] | null> }) {
  if (!of.value) return null;
  return (
    <div class="note">
      <strong>Of new instances</strong>
      <ul>
        {of.value.shares.map(({ version, percent_before, percent_after, affected }) => (
          <li key={version}>
            {version}: {percent_before} % → <strong>{percent_after} %</strong>. {concerned(affected)}
          </li>
        ))}
      </ul>
      <p>Those that there are keep their version. Nothing has changed yet.</p>
    </div>
  );
}

// What has to change in a configuration from one version to another.
function Differences({ slug, numbers }: { slug: string; numbers: readonly string[] }) {
  const { query } = route.value;
  const after = query.get("after") ?? numbers[0] ?? "";
  const before = query.get("before") ?? numbers[1] ?? "";
  const both = useLoaded(
    () => Promise.all([before, after].map((number) => ok(user.GET("/v1/agents/{slug}/versions/{number}", { params: { path: { slug, number } } })))),
    [slug, before, after],
  );
  const options = numbers.map((each) => [each, each] as const);
  return (
    <Section title="What configurations differ by">
      <form class="inline" aria-label="Which versions">
        <Choice label="From" name="before" options={options} value={before} onChange={(value) => narrow({ before: value })} />
        <Choice label="To" name="after" options={options} value={after} onChange={(value) => narrow({ after: value })} />
      </form>
      <Shown of={both}>
        {([old, young]) => {
          const lines = difference(JSON.stringify(old?.config_schema, null, 2), JSON.stringify(young?.config_schema, null, 2));
          return lines.every(({ kind }) => kind === "same") ? (
            <p>They are the same: what fits the one fits the other.</p>
          ) : (
            <div class="diff" tabIndex={0} role="region" aria-label={`From ${before} to ${after}`}>
              {lines.map(({ kind, text }, index) => (
                <div key={index} class={kind}>
                  {{ same: "  ", added: "+ ", gone: "- " }[kind]}
                  {text}
                </div>
              ))}
            </div>
          );
        }}
      </Shown>
    </Section>
  );
}

async function base64(file: File): Promise<string> {
  let text = "";
  for (const byte of new Uint8Array(await file.arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
}

function Publish({ slug }: { slug: string }) {
  const bundle = useSignal<File | null>(null);
  const latest = useLoaded(async () => {
    const { items } = await ok(user.GET("/v1/agents/{slug}/versions", { params: { path: { slug }, query: { limit: 1 } } }));
    const number = items[0]?.number;
    return number ? ok(user.GET("/v1/agents/{slug}/versions/{number}", { params: { path: { slug, number } } })) : null;
  }, [slug]);

  async function publish({ number = "", changelog = "", schema = "", image = "", channel = "" }: Record<string, string>): Promise<void> {
    const made = bundle.value ? { bundle: await base64(bundle.value) } : { image: image || null };
    let config_schema: Record<string, unknown>;
    try {
      config_schema = JSON.parse(schema) as Record<string, unknown>;
    } catch {
      throw new Error("The schema is no JSON.");
    }
    const channels = CHANNELS.filter((each) => each === channel);
    await ok(admin.POST("/v1/admin/agents/{slug}/versions", { params: { path: { slug }, header: newKey() }, body: { number, changelog, config_schema, ...made, ...(channel !== "usual" && { channels }) } }));
    go(["admin", "agents", slug]);
  }

  return (
    <>
      <Heading title={`Publish a version of ${slug}`} crumbs={[CATALOG, [slug, to(["admin", "agents", slug])]]} />
      {latest.problem.value && <Note problem={latest.problem.value} again={latest.reload} />}
      {latest.value.value === undefined ? (
        !latest.problem.value && <Loading />
      ) : (
        <div class="card narrow">
          <Form stays onSubmit={publish}>
            <Field label="Number" name="number" required placeholder="1.1.0" hint={latest.value.value ? `The newest is ${latest.value.value.number}. A version is never changed.` : "A semantic version, such as 1.0.0. It is never changed."} />
            <Field label="What is new" name="changelog">
              {(attributes) => <textarea {...attributes} rows={3} maxLength={4000} />}
            </Field>
            <Field label="Bundle" name="bundle" hint="A zip file of 1 MiB at most, with a main.py that defines agent.">
              {({ name: _, ...attributes }) => <input {...attributes} type="file" accept=".zip,application/zip" onChange={({ currentTarget }) => (bundle.value = currentTarget.files?.[0] ?? null)} />}
            </Field>
            <Field label="Or an image" name="image" hint="Where the installation runs images." />
            <Field label="Schema of its configuration" name="schema" pointer="/config_schema">
              {(attributes) => <textarea {...attributes} class="code" rows={14} spellcheck={false} required defaultValue={JSON.stringify(latest.value.value?.config_schema ?? { type: "object", properties: {}, additionalProperties: false }, null, 2)} />}
            </Field>
            <Choice
              label="Channels"
              name="channel"
              options={[
                ["usual", "as is usual for its number"],
                ["", "none yet"],
                ["beta", "beta"],
                ["stable", "stable"],
              ]}
            />
            <div>
              <button>Publish</button>
            </div>
          </Form>
        </div>
      )}
    </>
  );
}
