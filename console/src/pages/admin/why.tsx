// Why something is as it is: what led to it, where it waits, what happens next, and what can be done.

import { admin, ok } from "../../lib/api";
import { useFresh, useLoaded } from "../../lib/loading";
import { go, to } from "../../lib/router";
import { Empty, Heading, Id, Section, Shown, spoken, Time } from "../../parts/basics";
import { Field, Form } from "../../parts/form";

const PAGES: Record<string, string> = { ins: "instances", run: "runs", usr: "accounts" };

// Shows an id, as a link where it has a page.
export function Linked({ id, short }: { id: string; short?: boolean }) {
  const page = PAGES[id.split("_")[0] ?? ""];
  const text = short && id.length > 24 ? `${id.slice(0, 12)}…${id.slice(-4)}` : id;
  return page ? (
    <a href={to(["admin", page, id.split("/")[0] ?? id])} title={id}>
      {text}
    </a>
  ) : (
    <Id of={text} />
  );
}

export function Why({ parts: [id] }: { parts: string[] }) {
  return (
    <>
      <Heading title="Why?" />
      <Form class="inline" label="Of what" stays onSubmit={async ({ id = "" }) => go(["admin", "why", id.trim()])}>
        <Field label="Id" name="id" pointer="/id" defaultValue={id ?? ""} maxLength={200} required placeholder="ins_…, run_…, usr_…" />
        <button>Ask</button>
      </Form>
      {id ? (
        <Answer key={id} id={id} />
      ) : (
        <Empty title="Of what would you like to know why it is as it is?">
          <p>Give the id of an instance, a run, a message, an event, a session or an account.</p>
        </Empty>
      )}
    </>
  );
}

function Answer({ id }: { id: string }) {
  const why = useLoaded(() => ok(admin.GET("/v1/admin/why/{id}", { params: { path: { id } } })), [id]);
  useFresh(why, ({ subject }) => subject === id, { everybody: true });
  return (
    <Shown of={why}>
      {(it) => (
        <>
          <div class="card">
            <p class="quiet">
              {spoken(it.kind)} <Linked id={it.id} />, {spoken(it.code)}
            </p>
            <p class="lead">{it.now}</p>
            {it.next && (
              <p>
                {it.next}{" "}
                {it.by && (
                  <span class="quiet">
                    By then: <Time at={it.by} />.
                  </span>
                )}
              </p>
            )}
            {it.to_do && <p class="note waiting">{it.to_do}</p>}
          </div>
          <Section title="What led to it">
            {it.chain.length === 0 && <Empty title="Nothing is known of that any more." />}
            <ol class="timeline">
              {it.chain.map((link, index) => (
                <li key={index}>
                  <div>
                    <p>
                      {link.what} <span class="quiet">
                        by <Linked id={link.who} short />,
                      </span> <Time at={link.at} />
                    </p>
                    <p class="quiet">
                      <Linked id={link.id} />
                    </p>
                  </div>
                </li>
              ))}
            </ol>
          </Section>
        </>
      )}
    </Shown>
  );
}
