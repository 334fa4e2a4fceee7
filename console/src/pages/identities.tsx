// OpenID providers by which the account can be logged in to.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { ok, user } from "../lib/api";
import { useLoaded } from "../lib/loading";
import { asProblem, type ProblemError } from "../lib/problem";
import { brought, go, providers } from "../lib/providers";
import { Empty, Note, Section, Shown, tell, Time } from "../parts/basics";
import { confirmed } from "../parts/dialog";
import { Action } from "../parts/form";

// Each provider that there is, or that the account is linked to.
async function readAll() {
  const [known, { items }] = await Promise.all([providers(), ok(user.GET("/v1/me/identities"))]);
  const names = new Map([...items.map(({ provider }) => [provider, provider] as const), ...known.map(({ id, name }) => [id, name] as const)]);
  return [...names].map(([id, name]) => ({ id, name, linked: items.find(({ provider }) => provider === id) }));
}

export function Identities() {
  const all = useLoaded(readAll, []);
  const problem = useSignal<ProblemError | null>(null);

  async function link(): Promise<void> {
    const from = brought(true);
    if (!from) return;
    await ok(user.POST("/v1/me/identities/{provider}", { params: { path: { provider: from.provider } }, body: from.proof }));
    tell("Your account is linked.");
    await all.reload();
  }

  useEffect(() => {
    link().catch((thrown: unknown) => (problem.value = asProblem(thrown)));
  }, []);

  return (
    <Section title="Providers that know you">
      {problem.value && <Note problem={problem.value} />}
      <Shown of={all}>
        {(found) =>
          found.length ? (
            <ul class="cards">
              {found.map(({ id, name, linked }) => (
                <li key={id} class="card">
                  <h3>{name}</h3>
                  {linked ? (
                    <>
                      <p>
                        Linked <Time at={linked.created_at} />, last used <Time at={linked.last_used_at} />.
                      </p>
                      <p class="quiet">{linked.issuer}</p>
                      <div>
                        <Action
                          class="danger other small"
                          label={`Unlink ${name}`}
                          act={async () => {
                            if (!(await confirmed(`Unlink ${name}?`, { text: "It logs you in no more. You are logged out everywhere else.", yes: "Unlink it", danger: true }))) return;
                            await ok(user.DELETE("/v1/me/identities/{provider}", { params: { path: { provider: id } } }));
                            await all.reload();
                          }}
                        >
                          Unlink
                        </Action>
                      </div>
                    </>
                  ) : (
                    <>
                      <p>You can have it log you in, in place of your password.</p>
                      <div>
                        <Action class="small" label={`Link ${name}`} act={() => go(id, true)}>
                          Link
                        </Action>
                      </div>
                    </>
                  )}
                </li>
              ))}
            </ul>
          ) : (
            <Empty title="There are no providers here.">
              <p>Whoever runs this service may name some, by which people log in without a password of their own.</p>
            </Empty>
          )
        }
      </Shown>
    </Section>
  );
}
