import { find, onSubmit } from "./forms.js";
import { providers } from "./identities.js";
import { call, goAndLink, leave, logsIn } from "./session.js";

async function entered(me) {
  find("who").textContent = me.email_verified ? me.email : `${me.email}, which isn't verified yet`;
  await showIdentities();
  find("account").hidden = false;
  return "You are logged in, on this page and for ten minutes.";
}

// A button for each provider that the account is linked to, or may be.
async function showIdentities() {
  const [known, { items }] = await Promise.all([providers(), call("me/identities")]);
  const linked = items.map(({ provider }) => provider);
  const names = new Map([...linked.map((id) => [id, id]), ...known.map(({ id, name }) => [id, name])]);
  const buttons = [...names].map(([id, name]) => {
    const what = linked.includes(id) ? "Unlink" : "Link";
    return Object.assign(document.createElement("button"), { value: `${what} ${id}`, className: "other", textContent: `${what} ${name}` });
  });
  find("identities").replaceChildren(...buttons);
}

function left() {
  find("account").hidden = true;
  find("open").replaceChildren();
}

logsIn(entered, left, "log-in");

onSubmit("identities", async (_fields, pressed) => {
  const [what, provider] = pressed.split(" ");
  if (what === "Link") return goAndLink(provider, "log-in");
  await call(`me/identities/${provider}`, undefined, "DELETE");
  await showIdentities();
  return "Your account isn't linked any more, and you are logged out everywhere else.";
});

onSubmit("sessions", async () => {
  const { items, next_cursor } = await call("me/sessions?limit=100");
  const lines = items.map(({ device, network, last_seen_at, current }) => {
    const text = [device || "something unknown", network, new Date(last_seen_at).toLocaleString(), current && "this page"];
    return Object.assign(document.createElement("li"), { textContent: text.filter(Boolean).join(", ") });
  });
  find("open").replaceChildren(...lines);
  return next_cursor ? "These are the newest hundred." : `You are logged in ${items.length} times.`;
});

onSubmit("log-out", async (_fields, which) => {
  try {
    await call(which ? "auth/logout?sessions=all" : "auth/logout", null);
  } catch (error) {
    // A session that has ended needs no end; the others of somebody who asks for all may go on.
    if (error.status !== 401 || which) throw error;
  }
  leave();
  return which ? "You are logged out everywhere." : "You are logged out.";
});
