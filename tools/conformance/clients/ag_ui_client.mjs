// What the official client of AG-UI does with an instance.
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const { HttpAgent } = createRequire(`${process.env.PACKAGES}/`)("@ag-ui/client");
const url = `${process.env.ADDRESS}/v1/instances/${process.env.INSTANCE}/ag-ui`;

function agentOf(headers = {}) {
  return new HttpAgent({ url, headers: { Authorization: `Bearer ${process.env.TOKEN}`, ...headers } });
}

function say(agent, content) {
  agent.messages = [...agent.messages, { id: crypto.randomUUID(), role: "user", content }];
}

async function run(agent, input = {}) {
  const events = [];
  await agent.runAgent(input, { onEvent: ({ event }) => void events.push(event) });
  return events;
}

const last = (agent) => agent.messages.filter((each) => each.role === "assistant" && each.content).at(-1)?.content;

// Gives the client a stream that ends after some pieces of the text, as if the connection had broken.
async function cutOff(input, pieces) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream", Authorization: `Bearer ${process.env.TOKEN}` };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(input) });
  let text = "";
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n").slice(0, -1);
    const seen = blocks.findIndex((_, index) => blocks.slice(0, index + 1).filter((each) => each.includes("TEXT_MESSAGE_CONTENT")).length === pieces);
    if (seen >= 0) return blocks.slice(0, seen + 1);
  }
  throw new Error("it was over before");
}

const checks = {
  async says_and_hears() {
    const agent = agentOf();
    say(agent, "hello");
    const events = await run(agent);
    assert.equal(last(agent).trim(), "After 0: hello");
    const end = events.at(-1);
    assert.deepEqual([events[0].type, end.type, end.outcome.type], ["RUN_STARTED", "RUN_FINISHED", "success"]);
    assert.deepEqual(end.usage, [{ inputTokens: 1, outputTokens: 2 }]);
  },
  async remembers_the_thread() {
    const agent = agentOf();
    say(agent, "hello");
    await run(agent);
    say(agent, "again");
    await run(agent);
    assert.equal(last(agent).trim(), "After 2: again");
  },
  async shows_tools_of_the_agents_own() {
    const agent = agentOf();
    say(agent, "count");
    await run(agent);
    const call = agent.messages.find((each) => each.toolCalls)?.toolCalls[0];
    assert.equal(call.function.name, "count");
    assert.ok(agent.messages.some((each) => each.role === "tool" && each.toolCallId === call.id));
  },
  async is_interrupted_and_resumes() {
    const agent = agentOf();
    say(agent, "ask me");
    const events = await run(agent);
    const [interrupt] = events.at(-1).outcome.interrupts;
    assert.equal(interrupt.message, "Which colour?");
    await assert.rejects(run(agent));
    await run(agent, { resume: [{ interruptId: interrupt.id, status: "resolved", payload: "blue" }] });
    assert.equal(last(agent), "It is blue.");
  },
  async cancels_an_interrupt() {
    const agent = agentOf();
    say(agent, "ask me");
    const [interrupt] = (await run(agent)).at(-1).outcome.interrupts;
    const events = await run(agent, { resume: [{ interruptId: interrupt.id, status: "cancelled" }] });
    assert.equal(events.at(-1).outcome.type, "cancelled");
  },
  async calls_tools_of_the_clients() {
    const agent = agentOf();
    const tools = [{ name: "get_weather", description: "The weather", parameters: { type: "object", properties: {} } }];
    say(agent, "the weather?");
    await run(agent, { tools });
    const [call] = agent.messages.at(-1).toolCalls;
    assert.equal(call.function.name, "get_weather");
    agent.messages = [...agent.messages, { id: crypto.randomUUID(), role: "tool", toolCallId: call.id, content: "sunny" }];
    await run(agent, { tools });
    assert.equal(last(agent), "It is sunny.");
  },
  async hears_of_failures() {
    const agent = agentOf();
    say(agent, "fail");
    const events = [];
    await agent.runAgent({}, { onEvent: ({ event }) => void events.push(event) }).catch(() => undefined);
    assert.deepEqual([events.at(-1).type, events.at(-1).code], ["RUN_ERROR", "agent_failed"]);
  },
  async reads_on_when_it_was_cut() {
    const message = { id: "1", role: "user", content: "slowly one two three four five six" };
    const input = { threadId: crypto.randomUUID(), runId: crypto.randomUUID(), messages: [message], state: {}, tools: [], context: [], forwardedProps: {} };
    const blocks = await cutOff(input, 3);
    const seen = blocks.map((each) => Object.fromEntries(each.split("\n").map((line) => [line.split(": ")[0], line.slice(line.indexOf(": ") + 2)])));
    const id = seen.filter((each) => "id" in each).at(-1).id;
    const before = seen.filter((each) => "data" in each).map((each) => JSON.parse(each.data)).filter((each) => each.type === "TEXT_MESSAGE_CONTENT");
    const agent = agentOf({ "Last-Event-ID": id });
    agent.threadId = input.threadId;
    // What the client has of the message that was being written.
    agent.messages = [message, { id: before[0].messageId, role: "assistant", content: before.map((each) => each.delta).join("") }];
    await run(agent, { runId: input.runId });
    assert.equal(agent.messages.filter((each) => each.id === before[0].messageId).length, 1);
    assert.equal(last(agent).trim(), "After 0: slowly one two three four five six");
  },
  async asks_twice_and_is_one_run() {
    const input = { runId: crypto.randomUUID() };
    const [one, two] = [agentOf(), agentOf()];
    two.threadId = one.threadId;
    const message = { id: "1", role: "user", content: "hello" };
    one.messages = [message];
    two.messages = [message];
    await Promise.all([run(one, input), run(two, input)]);
    assert.deepEqual(one.messages, two.messages);
  },
  async is_told_what_is_wrong() {
    const wrong = agentOf({ Authorization: "Bearer wrong" });
    say(wrong, "hello");
    await assert.rejects(run(wrong), (error) => error.status === 401);
    const other = agentOf({ Authorization: `Bearer ${process.env.OTHER}` });
    say(other, "hello");
    await assert.rejects(run(other), (error) => error.status === 404);
  },
};

for (const [check, tried] of Object.entries(checks)) {
  const told = { check, passed: true };
  try {
    await tried();
  } catch (error) {
    Object.assign(told, { passed: false, why: String(error.stack ?? error).slice(0, 500) });
  }
  console.log(JSON.stringify(told));
}
