import { find, onSubmit } from "./forms.js";
import { call, leave, logsIn } from "./session.js";

function entered(me) {
  find("who").textContent = me.email_verified ? me.email : `${me.email}, which isn't verified yet`;
  find("account").hidden = false;
  return "You are logged in, on this page and for ten minutes.";
}

function left() {
  find("account").hidden = true;
  find("open").replaceChildren();
}

logsIn(entered, left);

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
