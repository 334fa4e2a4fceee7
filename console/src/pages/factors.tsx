// Second factors: an app that makes codes, passkeys, and recovery codes.

import { useSignal } from "@preact/signals";

import { ok, user } from "../lib/api";
import { useListed, useLoaded } from "../lib/loading";
import * as passkeys from "../lib/passkeys";
import type { components } from "../schema/user";
import { Empty, Facts, Pill, Section, Shown, Time } from "../parts/basics";
import { ask, confirmed } from "../parts/dialog";
import { Action, Field, Form } from "../parts/form";
import { List } from "../parts/list";
import { Once } from "../parts/once";

type Enrolment = components["schemas"]["TotpEnrolment"];

export function Factors() {
  const mfa = useLoaded(() => ok(user.GET("/v1/me/mfa")), []);
  const keys = useListed((query) => ok(user.GET("/v1/me/passkeys", { params: { query } })), []);
  const codes = useSignal<readonly string[]>([]);
  const enrolment = useSignal<Enrolment | null>(null);
  const changed = () => Promise.all([mfa.reload(), keys.reload()]);

  async function addPasskey(name: string): Promise<void> {
    const { challenge, options } = await ok(user.POST("/v1/me/passkeys/options"));
    const passkey = await passkeys.make(options).catch((thrown: unknown) => {
      if (thrown instanceof DOMException) throw new Error("No passkey was made. If this device has one of your account, that one is enough.");
      throw thrown;
    });
    const made = await ok(user.POST("/v1/me/passkeys", { body: { challenge, name, passkey } }));
    codes.value = made.recovery_codes;
    await changed();
  }

  async function remove(): Promise<void> {
    if (!(await confirmed("Remove the app?", { text: "Its codes log you in no more. You are logged out everywhere else.", yes: "Remove it", danger: true }))) return;
    await ok(user.DELETE("/v1/me/mfa/totp"));
    await changed();
  }

  return (
    <>
      {codes.value.length > 0 && (
        <Once title="Your recovery codes" text={codes.value.join("\n")} done={() => (codes.value = [])}>
          Each logs you in once when you have lost the rest. They are shown this one time: keep them where nobody else looks.
        </Once>
      )}
      <Shown of={mfa}>
        {(it) => (
          <div class="columns">
            <Section title="App that makes codes">
              <div class="card">
                <Facts
                  of={[
                    ["There is one", it.totp ? <Pill of="yes" /> : "not yet"],
                    ["Recovery codes left", it.recovery_codes_left],
                  ]}
                />
                {it.totp ? (
                  <div class="row">
                    <Action class="danger other" act={remove}>
                      Remove the app
                    </Action>
                  </div>
                ) : enrolment.value ? (
                  <Enrol
                    of={enrolment.value}
                    done={async (made) => {
                      enrolment.value = null;
                      codes.value = made;
                      await changed();
                    }}
                    leave={() => (enrolment.value = null)}
                  />
                ) : (
                  <>
                    <p>Any app of its kind will do. From then on logging in takes a code of it.</p>
                    <div>
                      <Action
                        act={async () => {
                          enrolment.value = await ok(user.POST("/v1/me/mfa/totp"));
                        }}
                      >
                        Add an app
                      </Action>
                    </div>
                  </>
                )}
                {(it.totp || it.passkeys > 0) && (
                  <div>
                    <Action
                      class="other"
                      act={async () => {
                        codes.value = (await ok(user.POST("/v1/me/mfa/recovery-codes"))).recovery_codes;
                        await changed();
                      }}
                    >
                      Get other recovery codes
                    </Action>
                  </div>
                )}
              </div>
            </Section>
            <Section title="Passkeys">
              <List
                of={keys}
                label="Passkeys"
                keyOf={(each) => each.id}
                columns={[
                  { name: "Name", cell: (each) => each.name },
                  { name: "Last used", cell: (each) => <Time at={each.last_used_at} /> },
                  { name: "Made", wide: true, cell: (each) => <Time at={each.created_at} /> },
                  {
                    name: "Change",
                    cell: (each) => (
                      <div class="row">
                        <Action
                          class="other small"
                          label={`Rename ${each.name}`}
                          act={async () => {
                            const name = await nameFor(each.name);
                            if (!name) return;
                            await ok(user.PATCH("/v1/me/passkeys/{passkey_id}", { params: { path: { passkey_id: each.id } }, body: { name } }));
                            await keys.reload();
                          }}
                        >
                          Rename
                        </Action>
                        <Action
                          class="danger other small"
                          label={`Delete ${each.name}`}
                          act={async () => {
                            if (!(await confirmed(`Delete ${each.name}?`, { text: "It logs you in no more. You are logged out everywhere else.", yes: "Delete it", danger: true }))) return;
                            await ok(user.DELETE("/v1/me/passkeys/{passkey_id}", { params: { path: { passkey_id: each.id } } }));
                            await changed();
                          }}
                        >
                          Delete
                        </Action>
                      </div>
                    ),
                  },
                ]}
                empty={
                  <Empty title="You have no passkeys.">
                    <p>A key in your phone, computer or security key: it logs you in without the password.</p>
                  </Empty>
                }
              />
              {passkeys.supported && (
                <div class="card">
                  <Form onSubmit={({ name = "" }) => addPasskey(name)}>
                    <Field label="Name of a new one" name="name" maxLength={100} required placeholder="This computer" />
                    <div>
                      <button>Add a passkey</button>
                    </div>
                  </Form>
                </div>
              )}
            </Section>
          </div>
        )}
      </Shown>
    </>
  );
}

const nameFor = (before: string) =>
  ask("Another name", (close) => (
    <Form onSubmit={({ name = "" }) => Promise.resolve(close(name))}>
      <Field label="Name" name="name" defaultValue={before} maxLength={100} required />
      <div class="row end">
        <button type="button" class="other" onClick={() => close(null)}>
          Leave it
        </button>
        <button>Rename</button>
      </div>
    </Form>
  ));

interface EnrolProps {
  of: Enrolment;
  done: (codes: readonly string[]) => Promise<void>;
  leave: () => void;
}

function Enrol({ of: { qr_code, secret }, done, leave }: EnrolProps) {
  return (
    <>
      <p>Have your app read this, or give it the secret. Then type in the first code that it shows.</p>
      <img class="qr" alt="QR code for your app" src={`data:image/svg+xml,${encodeURIComponent(qr_code.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))}`} />
      <p>
        <code>{secret}</code>
      </p>
      <Form
        onSubmit={async ({ code = "" }) => {
          const { recovery_codes } = await ok(user.POST("/v1/me/mfa/totp/confirm", { body: { code: code.replaceAll(/\s/g, "") } }));
          await done(recovery_codes);
        }}
      >
        <Field label="Code" name="code" autocomplete="one-time-code" maxLength={8} required />
        <div class="row">
          <button>Confirm</button>
          <button type="button" class="other" onClick={leave}>
            Leave it
          </button>
        </div>
      </Form>
    </>
  );
}
