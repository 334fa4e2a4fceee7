// Launching an instance of an agent, with a form that its version's schema makes.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { newKey, ok, user } from "../lib/api";
import { useLoaded } from "../lib/loading";
import { go, route, to } from "../lib/router";
import { Heading, Shown } from "../parts/basics";
import { Field, Form } from "../parts/form";
import { initial, isObject, JsonForm, type JsonObject, type Schema } from "../parts/json-form";

export function Launch({ parts: [slug = ""] }: { parts: string[] }) {
  const wanted = route.value.query.get("version");
  const chosen = useLoaded(async () => {
    const path = { slug };
    const agent = await ok(user.GET("/v1/agents/{slug}", { params: { path } }));
    const number = wanted ?? agent.channels.stable ?? agent.channels.beta ?? agent.versions[0]?.number ?? "";
    return { agent, version: await ok(user.GET("/v1/agents/{slug}/versions/{number}", { params: { path: { slug, number } } })) };
  }, [slug, wanted]);
  const name = chosen.value.value?.agent.name;
  return (
    <>
      <Heading
        title={name ? `Launch ${name}` : "Launch"}
        crumbs={[
          ["Catalog", to(["catalog"])],
          [name ?? slug, to(["catalog", slug])],
        ]}
      />
      <Shown of={chosen}>
        {({ agent, version }) => (
          <LaunchForm
            key={version.id}
            slug={slug}
            suggested={agent.name}
            number={version.number}
            versions={agent.versions.filter(({ status }) => status !== "yanked").map((each) => each.number)}
            stable={wanted === null}
            schema={version.config_schema as Schema}
          />
        )}
      </Shown>
    </>
  );
}

interface Props {
  slug: string;
  suggested: string;
  number: string;
  versions: string[];
  stable: boolean;
  schema: Schema;
}

function LaunchForm({ slug, suggested, number, versions, stable, schema }: Props) {
  const config = useSignal<JsonObject>({});
  // The same attempt sent again is one instance all the same.
  const key = useMemo(newKey, [config.value]);
  useEffect(() => {
    const begun = initial(schema, schema);
    config.value = isObject(begun) ? begun : {};
  }, [schema]);

  async function launch({ name = "", labels = "" }: Record<string, string>): Promise<void> {
    const made = await ok(
      user.POST("/v1/instances", {
        params: { header: key },
        body: { agent: slug, name, config: config.value, labels: labelled(labels), ...(stable ? {} : { version: number }) },
      }),
    );
    if ("id" in made) go(["instances", made.id]);
  }

  return (
    <div class="card narrow">
      <Form stays onSubmit={launch}>
        <Field label="Name" name="name" defaultValue={suggested} maxLength={100} required hint="What you call it. Only you see it." />
        <div class="field">
          <label for="version">Version</label>
          <select id="version" value={number} onChange={({ currentTarget }) => go(["launch", slug], { version: currentTarget.value })}>
            {[...new Set([number, ...versions])].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
        <JsonForm schema={schema} value={config.value} pointer="/config" onChange={(value) => (config.value = isObject(value) ? value : {})} />
        <Field label="Labels (optional)" name="labels" placeholder="team=support, tier=gold" hint="To sort your instances by: pairs of key=value." />
        <div class="row">
          <button>Launch</button>
        </div>
      </Form>
    </div>
  );
}

// Returns pairs of `key=value`, with commas between them, as an object.
export function labelled(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => pair.trim()).filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => [pair.split("=")[0] ?? "", pair.split("=").slice(1).join("=")]));
}
