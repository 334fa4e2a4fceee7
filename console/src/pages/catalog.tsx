// The catalog of agents, and one of them with its versions.

import { ok, user } from "../lib/api";
import { useListed, useLoaded } from "../lib/loading";
import { narrow, route, to } from "../lib/router";
import { Empty, Facts, Heading, Json, Loading, Note, Pill, Section, Shown, Time } from "../parts/basics";
import { Field, Form } from "../parts/form";
import { List, More } from "../parts/list";

export function Catalog({ parts: [slug, number] }: { parts: string[] }) {
  if (slug && number) return <Version slug={slug} number={number} />;
  return slug ? <Agent slug={slug} /> : <Agents />;
}

function Agents() {
  const q = route.value.query.get("q") ?? "";
  const list = useListed((query) => ok(user.GET("/v1/agents", { params: { query: { ...query, ...(q && { q }) } } })), [q]);
  return (
    <>
      <Heading title="Catalog" />
      <Form class="inline" label="Search" stays onSubmit={async ({ q }) => narrow({ q })}>
        <Field label="Search" name="q" type="search" defaultValue={q} maxLength={100} />
        <button class="other">Find</button>
      </Form>
      {list.problem.value && <Note problem={list.problem.value} again={list.reload} />}
      {list.items.value === undefined && !list.problem.value && <Loading />}
      {list.items.value?.length === 0 && <Empty title={q ? "No agent is found by that." : "The catalog is empty."} />}
      <ul class="cards" aria-label="Agents">
        {list.items.value?.map((agent) => (
          <li key={agent.id} class="card">
            <h2>
              <a href={to(["catalog", agent.slug])}>{agent.name}</a>
            </h2>
            <p>{agent.summary}</p>
            <div class="row spread">
              <span class="row">
                {agent.tags.map((tag) => (
                  <span key={tag} class="tag">
                    {tag}
                  </span>
                ))}
              </span>
              <a class="button small" href={to(["launch", agent.slug])} aria-label={`Launch ${agent.name}`}>
                Launch
              </a>
            </div>
          </li>
        ))}
      </ul>
      <More of={list} />
    </>
  );
}

const CATALOG: [string, string] = ["Catalog", to(["catalog"])];

function Agent({ slug }: { slug: string }) {
  const agent = useLoaded(() => ok(user.GET("/v1/agents/{slug}", { params: { path: { slug } } })), [slug]);
  const versions = useListed((query) => ok(user.GET("/v1/agents/{slug}/versions", { params: { path: { slug }, query } })), [slug]);
  return (
    <>
      <Heading title={agent.value.value?.name ?? slug} crumbs={[CATALOG]}>
        <a class="button" href={to(["launch", slug])}>
          Launch
        </a>
      </Heading>
      <Shown of={agent}>
        {(it) => (
          <>
            <p>{it.description || it.summary}</p>
            <Facts
              of={[
                ["Channels", Object.entries(it.channels).map(([name, version]) => `${name}: ${version}`).join(", ") || "none"],
                ["Changed", <Time at={it.updated_at} />],
                ["Tags", it.tags.join(", ") || "none"],
              ]}
            />
          </>
        )}
      </Shown>
      <Section title="Versions">
        <List
          of={versions}
          label="Versions"
          keyOf={(each) => each.id}
          columns={[
            { name: "Version", cell: (each) => <a href={to(["catalog", slug, each.number])}>{each.number}</a> },
            { name: "Status", cell: (each) => <Pill of={each.status} /> },
            { name: "What is new", cell: (each) => each.changelog || each.status_reason },
            { name: "Published", wide: true, cell: (each) => <Time at={each.published_at} /> },
          ]}
          empty={<Empty title="Nothing is published yet." />}
        />
      </Section>
    </>
  );
}

function Version({ slug, number }: { slug: string; number: string }) {
  const version = useLoaded(() => ok(user.GET("/v1/agents/{slug}/versions/{number}", { params: { path: { slug, number } } })), [slug, number]);
  return (
    <>
      <Heading title={`${slug} ${number}`} crumbs={[CATALOG, [slug, to(["catalog", slug])]]}>
        <a class="button" href={to(["launch", slug], { version: number })}>
          Launch this version
        </a>
      </Heading>
      <Shown of={version}>
        {(it) => (
          <>
            <Facts
              of={[
                ["Status", <Pill of={it.status} />],
                ["Published", <Time at={it.published_at} />],
                ["Tries again", it.retries],
              ]}
            />
            {it.status_reason && <p>{it.status_reason}</p>}
            {it.changelog && (
              <Section title="What is new">
                <p>{it.changelog}</p>
              </Section>
            )}
            <Section title="What its configuration has to be">
              <Json of={it.config_schema} />
            </Section>
          </>
        )}
      </Shown>
    </>
  );
}
