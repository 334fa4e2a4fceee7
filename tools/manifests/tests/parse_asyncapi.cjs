// Reads a JSON object of documents from standard input and says of each what the official AsyncAPI parser makes of it.
const { Parser } = require("@asyncapi/parser");

async function main() {
  const documents = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const found = {};
  for (const [name, text] of Object.entries(documents)) {
    const { document, diagnostics } = await new Parser().parse(text);
    const complaints = diagnostics.map(({ severity, code, path, message }) => ({ severity, code, at: path.join("/"), message }));
    const operations = (document ? document.operations().all() : []).map((each) => [
      each.id(),
      [each.action(), each.channels().all().map((one) => one.address()), each.messages().all().map((one) => one.name())],
    ]);
    found[name] = { complaints, operations: Object.fromEntries(operations) };
  }
  process.stdout.write(JSON.stringify(found));
}

main();
