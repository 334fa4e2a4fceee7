// Talking to an agent. A run goes on whoever looks: what it says comes by the gateway, from where it was left.

import { signal, useSignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { newKey, ok, user } from "../lib/api";
import { followRun, type RunEvent } from "../lib/live";
import { useListed } from "../lib/loading";
import { narrow, route } from "../lib/router";
import type { components } from "../schema/user";
import { Empty, Note, Pill } from "../parts/basics";
import { Action, Choice, Field, Form } from "../parts/form";
import { initial, JsonForm, type Json, type Schema } from "../parts/json-form";
import { More } from "../parts/list";

type Message = components["schemas"]["ConversationMessage"];

interface Question {
  id: string;
  text: string;
  schema: Schema;
}

interface Piece {
  sequence: number;
  kind: "agent" | "you" | "aside";
  text: string;
}

// A run that goes on, as far as it has come.
class Going {
  readonly pieces: Signal<readonly Piece[]> = signal([]);
  readonly status = signal("queued");
  readonly explanation = signal("");
  readonly question: Signal<Question | null> = signal(null);
  readonly id: string;
  readonly conversation: string;

  constructor(id: string, conversation: string) {
    this.id = id;
    this.conversation = conversation;
  }

  hear = ({ type, sequence, data }: RunEvent): void => {
    switch (type) {
      case "text":
        return this.#say(sequence, "agent", String(data.text));
      case "note":
        this.explanation.value = String(data.text);
        return;
      case "tool_call":
        return this.#say(sequence, "aside", `${String(data.name)} ${JSON.stringify(data.arguments)}`);
      case "data":
        return this.#say(sequence, "aside", JSON.stringify(data.data));
      case "input":
        this.question.value = { id: String(data.id), text: String(data.text), schema: data.schema as Schema };
        return this.#say(sequence, "agent", String(data.text));
      case "answer":
        this.question.value = null;
        return this.#say(sequence, "you", typeof data.value === "string" ? data.value : JSON.stringify(data.value));
      case "status":
        this.status.value = String(data.status);
        this.explanation.value = String(data.explanation ?? "");
        // An attempt broke and is made again: what it has said counts no more.
        if (typeof data.void_after === "number") {
          const after = data.void_after;
          this.pieces.value = this.pieces.value.filter((piece) => piece.sequence <= after);
        }
        return;
      default:
    }
  };

  // Pieces of one reply are one text.
  #say(sequence: number, kind: Piece["kind"], text: string): void {
    this.pieces.value = [...this.pieces.value, { sequence, kind, text }];
  }

  get texts(): Piece[] {
    const joined: Piece[] = [];
    for (const piece of this.pieces.value) {
      const last = joined.at(-1);
      if (last && last.kind === "agent" && piece.kind === "agent") last.text += piece.text;
      else joined.push({ ...piece });
    }
    return joined;
  }
}

const OPEN = ["running", "queued", "input_required"] as const;

export function Talk({ id, status }: { id: string; status: string | undefined }) {
  const path = { instance_id: id };
  const conversations = useListed((query) => ok(user.GET("/v1/instances/{instance_id}/conversations", { params: { path, query } })), [id]);
  const asked = route.value.query.get("conversation");
  const chosen = asked ?? conversations.items.value?.[0]?.id ?? null;
  if (conversations.problem.value) return <Note problem={conversations.problem.value} again={conversations.reload} />;
  if (conversations.items.value === undefined) return null;
  const options = conversations.items.value.map((each) => [each.id, `${new Date(each.created_at).toLocaleString()}, ${each.runs} ${each.runs === 1 ? "message" : "messages"}`] as const);
  return (
    <>
      <form class="inline" aria-label="Which conversation">
        <Choice label="Conversation" name="conversation" options={[["new", "A new one"], ...options]} value={chosen ?? "new"} onChange={(value) => narrow({ conversation: value })} />
      </form>
      <Conversation
        key={chosen === "new" ? "new" : id}
        instance={id}
        conversation={chosen === "new" ? null : chosen}
        ready={status === "running"}
        begun={(conversation) => {
          narrow({ conversation });
          void conversations.reload();
        }}
      />
    </>
  );
}

interface ConversationProps {
  instance: string;
  conversation: string | null;
  ready: boolean;
  begun: (conversation: string) => void;
}

function Conversation({ instance, conversation, ready, begun }: ConversationProps) {
  const said = useListed<Message>(
    (query) => (conversation ? ok(user.GET("/v1/conversations/{conversation_id}/messages", { params: { path: { conversation_id: conversation }, query } })) : Promise.resolve({ items: [], next_cursor: null })),
    [conversation],
  );
  const going = useSignal<Going | null>(null);

  // What goes on of it is followed from its first event: so it is whole after a reload, too. It is among the newest, or waits for
  // an answer; asked by each status, it could be on its way from one to another and in neither.
  useEffect(() => {
    let gone = false;
    if (conversation && going.value?.conversation === conversation) return undefined;
    going.value = null;
    if (conversation) {
      const asked = [{ limit: 100 }, { limit: 20, status: "input_required" as const }];
      void Promise.all(asked.map((query) => ok(user.GET("/v1/runs", { params: { query: { ...query, instance_id: instance } } })))).then((pages) => {
        const found = pages.flatMap(({ items }) => items).find((run) => run.conversation_id === conversation && OPEN.some((each) => each === run.status));
        if (gone || going.value) return;
        if (found) going.value = new Going(found.id, conversation);
        // What has ended since the messages were read is among them now.
        else void said.reload();
      });
    }
    return () => {
      gone = true;
    };
  }, [conversation, instance]);

  const run = going.value;
  useEffect(() => {
    if (!run) return undefined;
    return followRun(run.id, 0, run.hear, () => {
      void said.reload().then(() => {
        if (going.value === run && run.status.value === "completed") going.value = null;
      });
    });
  }, [run]);

  const key = useMemo(newKey, [run?.id]);
  const ended = run && !OPEN.some((each) => each === run.status.value);

  async function speak({ text = "" }: Record<string, string>): Promise<void> {
    const body = { text, ...(conversation && { conversation_id: conversation }) };
    const made = await ok(user.POST("/v1/instances/{instance_id}/messages", { params: { path: { instance_id: instance }, header: key }, body }));
    if (typeof made === "string" || !("conversation_id" in made)) return;
    going.value = new Going(made.id, made.conversation_id);
    if (conversation) void said.reload();
    else begun(made.conversation_id);
  }

  const messages = [...(said.items.value ?? [])].reverse().filter(({ run_id, role, text }, index, all) => run?.id !== run_id || (role === "user" && first(all, run_id) === index && text));
  return (
    <>
      {said.problem.value && <Note problem={said.problem.value} again={said.reload} />}
      <More of={said} />
      {said.items.value?.length === 0 && !run && (
        <Empty title="Nothing has been said yet.">
          <p>Say something below: the reply comes as the agent writes it.</p>
        </Empty>
      )}
      <ol class="talk" aria-live="polite" aria-label="Conversation">
        {messages.map((each, index) => (
          <li key={`${each.run_id}-${index}`} class={each.role === "user" ? "you" : "agent"} title={new Date(each.at).toLocaleString()}>
            {each.text}
          </li>
        ))}
        {run?.texts.map((piece) => (
          <li key={piece.sequence} class={piece.kind}>
            {piece.text}
          </li>
        ))}
        {run && run.status.value !== "completed" && (
          <li class="aside">
            <Pill of={run.status.value} /> {run.explanation.value}
          </li>
        )}
      </ol>
      {run?.question.value ? (
        <Answer key={run.question.value.id} run={run} question={run.question.value} />
      ) : (
        <Form class="say" label="Say something" onSubmit={speak}>
          <Field label="Message" name="text" pointer="/text">
            {(attributes) => (
              <textarea
                {...attributes}
                rows={2}
                maxLength={65_536}
                required
                onKeyDown={(event) => {
                  if (event.key === "Enter" && !event.shiftKey) {
                    event.preventDefault();
                    event.currentTarget.form?.requestSubmit();
                  }
                }}
              />
            )}
          </Field>
          <div class="row">
            <button>Send</button>
            {run && !ended && <Cancel run={run} />}
            {!ready && <span class="hint">The instance isn't running: start it to talk to it.</span>}
          </div>
        </Form>
      )}
    </>
  );
}

const first = (all: readonly Message[], run: string) => all.findIndex(({ run_id }) => run_id === run);

const Cancel = ({ run }: { run: Going }) => (
  <Action
    class="other"
    act={async () => {
      await ok(user.POST("/v1/runs/{run_id}/cancel", { params: { path: { run_id: run.id } } }));
    }}
  >
    Cancel the reply
  </Action>
);

// An agent asks for something, and says by a schema for what.
function Answer({ run, question: { id, text, schema } }: { run: Going; question: Question }) {
  const value = useSignal<Json | undefined>(initial(schema, schema));
  return (
    <div class="card">
      <h2>The agent asks</h2>
      <p>{text}</p>
      <Form
        stays
        label="Answer"
        onSubmit={async () => {
          await ok(user.POST("/v1/runs/{run_id}/input", { params: { path: { run_id: run.id } }, body: { id, value: value.value ?? "" } }));
        }}
      >
        <JsonForm schema={{ ...schema, title: schema.title ?? "Answer" }} value={value.value} pointer="/value" onChange={(to) => (value.value = to)} />
        <div class="row">
          <button>Answer</button>
          <Cancel run={run} />
        </div>
      </Form>
    </div>
  );
}
