// Logging in: with the password and whatever second factor there is, or with a passkey alone.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import * as passkeys from "../lib/passkeys";
import { asProblem, type ProblemError } from "../lib/problem";
import { brought, go, providers, type Provider } from "../lib/providers";
import { enter, me, send, stepUp, type MfaRequired, type Pair } from "../lib/session";
import { to } from "../lib/router";
import { Note, tell } from "./basics";
import { ask } from "./dialog";
import { Action, Field, Form } from "./form";

interface Props {
  // Whose account it has to be; anybody's when it is left out.
  email?: string;
  done: () => void;
}

const isPair = (answer: Pair | MfaRequired): answer is Pair => "access_token" in answer;

export function LogIn({ email, done }: Props) {
  const asked = useSignal<MfaRequired | null>(null);
  // With what somebody wanted to log in to an account that is deleted.
  const deleted = useSignal<object | null>(null);
  const problem = useSignal<ProblemError | null>(null);

  async function come(pair: Pair): Promise<void> {
    await enter(pair);
    done();
  }

  async function proved(answer: Pair | MfaRequired): Promise<void> {
    if (isPair(answer)) await come(answer);
    else asked.value = answer;
  }

  async function withPassword(credentials: object): Promise<void> {
    try {
      await proved(await send<Pair | MfaRequired>("/v1/auth/login", credentials));
    } catch (thrown) {
      deleted.value = asProblem(thrown).code === "account_deleted" ? credentials : null;
      throw thrown;
    }
  }

  async function backFromProvider(): Promise<void> {
    const from = email === undefined ? brought(false) : null;
    if (from) await proved(await send<Pair | MfaRequired>(`/v1/auth/oidc/${encodeURIComponent(from.provider)}/finish`, from.proof));
  }

  useEffect(() => {
    backFromProvider().catch((thrown: unknown) => (problem.value = asProblem(thrown)));
  }, []);

  async function withPasskey(): Promise<void> {
    try {
      await come(await passkeys.logIn());
    } catch (thrown) {
      if (thrown instanceof DOMException) throw new Error("No passkey was shown. Try again, or log in with your password.");
      throw thrown;
    }
  }

  if (asked.value) return <SecondFactor asked={asked.value} come={come} anew={() => (asked.value = null)} />;
  return (
    <>
      {problem.value && <Note problem={problem.value} />}
      <Form stays onSubmit={(fields) => withPassword({ email: email ?? fields.email, password: fields.password })}>
        {email === undefined ? (
          <Field label="E-mail address" name="email" type="email" autocomplete="username" maxLength={320} required autofocus />
        ) : (
          <p>
            As <strong>{email}</strong>
            <input type="email" name="email" autocomplete="username" value={email} readOnly hidden />
          </p>
        )}
        <Field label="Password" name="password" type="password" autocomplete="current-password" required />
        <button class="wide-button">Log in</button>
      </Form>
      {deleted.value && (
        <Action
          class="other wide-button"
          act={async () => {
            await send("/v1/auth/restore", deleted.value, { cookie: false });
            tell("The account is back.");
            await withPassword(deleted.value ?? {});
          }}
        >
          Have the account back
        </Action>
      )}
      {passkeys.supported && (
        <p>
          <Action class="other wide-button" act={withPasskey}>
            Use a passkey
          </Action>
        </p>
      )}
      {email === undefined && <Providers />}
    </>
  );
}

function Providers() {
  const known = useSignal<readonly Provider[]>([]);
  useEffect(() => {
    providers().then(
      (found) => (known.value = found),
      () => undefined,
    );
  }, []);
  return (
    <>
      {known.value.map(({ id, name }) => (
        <p key={id}>
          <Action class="other wide-button" act={() => go(id, false)}>
            Log in with {name}
          </Action>
        </p>
      ))}
    </>
  );
}

interface SecondProps {
  asked: MfaRequired;
  come: (pair: Pair) => Promise<void>;
  anew: () => void;
}

function SecondFactor({ asked: { challenge, totp, passkey }, come, anew }: SecondProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  async function prove(proof: object): Promise<void> {
    try {
      await come(await send<Pair>("/v1/auth/mfa/verify", { challenge, ...proof }));
    } catch (thrown) {
      const problem = asProblem(thrown);
      if (problem.code === "challenge_expired") anew();
      throw problem;
    }
  }

  return (
    <>
      <p>The password is right. Your account has a second factor: show it, too.</p>
      <Form
        stays
        onSubmit={({ code = "" }) => {
          const digits = code.replaceAll(/\s/g, "");
          return prove(/^\d{6}$/.test(digits) ? { code: digits } : { recovery_code: code });
        }}
      >
        <Field label={totp ? "Code of your app, or a recovery code" : "A recovery code"} name="code" pointer="/code">
          {(attributes) => <input {...attributes} ref={field} autocomplete="one-time-code" spellcheck={false} maxLength={64} required />}
        </Field>
        <button class="wide-button">Go on</button>
      </Form>
      {passkey && passkeys.supported && (
        <p>
          <Action class="other wide-button" act={async () => prove({ passkey: await passkeys.sign(passkey) })}>
            Use a passkey
          </Action>
        </p>
      )}
      <p>
        <button type="button" class="link" onClick={anew}>
          Begin again
        </button>
      </p>
    </>
  );
}

// What wants a newer or a better log-in has it asked for above the page, and goes on then.
let asking: Promise<boolean> | undefined;
// Whoever has left the question isn't asked again by what a page reads anew of itself, until they go elsewhere.
let left = false;
addEventListener("hashchange", () => (left = false));
stepUp.ask = (secondFactor, reading) => {
  if (left && reading) return Promise.resolve(false);
  asking ??= askAgain(secondFactor)
    .then((done) => {
      left = !done;
      return done;
    })
    .finally(() => {
      asking = undefined;
    });
  return asking;
};

async function askAgain(secondFactor: boolean): Promise<boolean> {
  const email = me.value?.email;
  if (!email) return false;
  const title = secondFactor ? "This needs a second factor" : "Show that it is you";
  const answer = await ask(title, (close) => (
    <>
      <p>
        {secondFactor
          ? "Log in once more, with your second factor. "
          : "You have logged in more than ten minutes ago. Log in once more, and it goes on."}
        {secondFactor && <a href={to(["account", "factors"])}>If you have none yet, add one first.</a>}
      </p>
      <LogIn email={email} done={() => close("done")} />
      <p>
        <button type="button" class="link" onClick={() => close(null)}>
          Leave it
        </button>
      </p>
    </>
  ));
  return answer !== null;
}

