// Taking along what is known of oneself, and leaving.

import { ok, user } from "../lib/api";
import { useFresh, useLoaded } from "../lib/loading";
import { narrow, route } from "../lib/router";
import { forget, me } from "../lib/session";
import { absolute, bytes } from "../lib/time";
import { Facts, Pill, Section, Shown, Time } from "../parts/basics";
import { ask } from "../parts/dialog";
import { Action, Field, Form } from "../parts/form";

export function OwnData() {
  return (
    <div class="columns">
      <Section title="Take it along">
        <div class="card">
          <p>Everything that is known of you, as lines of JSON: your account, instances, conversations, settings and history.</p>
          <Export />
        </div>
      </Section>
      <Section title="Leave">
        <div class="card">
          <p>Your sessions and API keys end, and your instances are stopped. After a while all of it is deleted for good; until then you can have the account back, by logging in.</p>
          <div>
            <Action class="danger other" act={leave}>
              Delete the account
            </Action>
          </div>
        </div>
      </Section>
    </div>
  );
}

function Export() {
  const id = route.value.query.get("export");
  return (
    <>
      {id && <Asked id={id} />}
      <div>
        <Action
          class={id ? "other" : ""}
          act={async () => {
            const { id } = await ok(user.POST("/v1/me/export"));
            narrow({ export: id });
          }}
        >
          {id ? "Ask for another" : "Ask for it"}
        </Action>
      </div>
    </>
  );
}

function Asked({ id }: { id: string }) {
  const found = useLoaded(() => ok(user.GET("/v1/me/export/{export_id}", { params: { path: { export_id: id } } })), [id]);
  useFresh(found, ({ subject }) => subject === id);
  return (
    <Shown of={found}>
      {({ status, requested_at, expires_at, bytes: size, link }) => (
        <>
          <Facts
            of={[
              ["State", <Pill of={status === "done" ? "ready" : "queued"} />],
              ["Asked for", <Time at={requested_at} />],
              ["Kept until", <Time at={expires_at} />],
              ["Size", size === null ? null : bytes(size)],
            ]}
          />
          {link ? (
            <div>
              <Action
                act={async () => {
                  // Another link each time: each is good for minutes.
                  await found.reload();
                  const { url } = found.value.value?.link ?? link;
                  location.assign(url);
                }}
              >
                Save it
              </Action>
            </div>
          ) : (
            <p class="quiet">It is being collected. This page and a mail say when it is there.</p>
          )}
        </>
      )}
    </Shown>
  );
}

async function leave(): Promise<void> {
  const email = me.value?.email ?? "";
  const until = await ask("Delete your account?", (close) => (
    <Form
      onSubmit={async () => {
        const { purge_at } = await ok(user.DELETE("/v1/me"));
        close(purge_at);
      }}
    >
      <p>You are logged out everywhere, and programs that use your API keys are refused. Nothing of yours runs any more.</p>
      <Field label="Type your address, to be sure" name="email" autocomplete="off" required pattern={email.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&")} />
      <div class="row end">
        <button type="button" class="other" onClick={() => close(null)}>
          Leave it
        </button>
        <button class="danger">Delete it</button>
      </div>
    </Form>
  ));
  if (until === null) return;
  await ask("Your account is deleted", (close) => (
    <Form onSubmit={() => Promise.resolve(close("seen"))}>
      <p>Until {absolute(until)} you can have it back: log in with your password, and it is offered.</p>
      <div class="row end">
        <button>Good</button>
      </div>
    </Form>
  ));
  forget();
}
