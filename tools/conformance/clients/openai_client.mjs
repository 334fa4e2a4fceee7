// What OpenAI's client for Node does with an instance; NODE_PATH's packages are beside this file's in the build folder.
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const OpenAI = createRequire(`${process.env.PACKAGES}/`)("openai").default;
const baseURL = `${process.env.ADDRESS}/v1/instances/${process.env.INSTANCE}/v1`;
const client = new OpenAI({ baseURL, apiKey: process.env.TOKEN, maxRetries: 0 });
const model = "any";

const tool = { type: "function", name: "get_weather", description: "The weather", strict: false, parameters: { type: "object", properties: {} } };

const checks = {
  async creates() {
    const found = await client.responses.create({ model, input: "hello" });
    assert.equal(found.output_text.trim(), "After 0: hello");
  },
  async streams_and_reads_on() {
    const events = [];
    for await (const event of await client.responses.create({ model, input: "one two three", stream: true })) events.push(event);
    assert.deepEqual(events.map((each) => each.sequence_number), events.map((_, index) => index));
    for (const cut of [0, 3, events.length - 2]) {
      const rest = [];
      const stream = await client.responses.retrieve(events[0].response.id, { stream: true, starting_after: cut });
      for await (const event of stream) rest.push(event);
      assert.deepEqual(rest, events.slice(cut + 1));
    }
  },
  async works_in_background() {
    let found = await client.responses.create({ model, input: "slowly one two", background: true });
    assert.equal(found.status, "queued");
    while (["queued", "in_progress"].includes(found.status)) found = await client.responses.retrieve(found.id);
    assert.equal(found.output_text.trim(), "After 0: slowly one two");
  },
  async calls_tools() {
    const asked = await client.responses.create({ model, input: "the weather?", tools: [tool] });
    const call = asked.output.find((item) => item.type === "function_call");
    const input = [{ type: "function_call_output", call_id: call.call_id, output: "sunny" }];
    const found = await client.responses.create({ model, input, previous_response_id: asked.id });
    assert.equal(found.output_text, "It is sunny.");
  },
  async cancels_and_deletes() {
    const found = await client.responses.create({ model, input: "slowly " + "on ".repeat(100), background: true });
    assert.equal((await client.responses.cancel(found.id)).status, "cancelled");
    await client.responses.delete(found.id);
    await assert.rejects(client.responses.retrieve(found.id), OpenAI.NotFoundError);
  },
  async is_told_what_is_wrong() {
    await assert.rejects(client.responses.create({ model, input: "" }), OpenAI.BadRequestError);
    const wrong = new OpenAI({ baseURL, apiKey: "wrong" });
    await assert.rejects(wrong.responses.create({ model, input: "hi" }), OpenAI.AuthenticationError);
  },
};

for (const [check, run] of Object.entries(checks)) {
  const told = { check, passed: true };
  try {
    await run();
  } catch (error) {
    Object.assign(told, { passed: false, why: String(error).slice(0, 500) });
  }
  console.log(JSON.stringify(told));
}
