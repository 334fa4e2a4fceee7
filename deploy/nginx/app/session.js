// Logging in on a page. The access token is in a variable of this page alone, and the refresh token is not kept: after ten
// minutes, or once the page is closed or left, whoever goes on logs in again.

import { send } from "./api.js";
import { find, onSubmit, say } from "./forms.js";
import { back, go, proof, providers } from "./identities.js";
import { sign, supported } from "./passkeys.js";

let challenge, asked, token, going;

const show = (id) => {
  for (const each of ["log-in", "second-factor"]) find(each).hidden = each !== id;
  find("passkey").hidden = !supported || !(id === "log-in" || (id === "second-factor" && asked));
  find("providers").hidden = id !== "log-in" || !find("providers").children.length;
};

// Sends a request as whoever is logged in. Once the token is good no more, the form to log in is shown again.
export async function call(path, body, method) {
  try {
    return await send(path, body, token, method);
  } catch (error) {
    if (error.status === 401) leave();
    throw error;
  }
}

let left = () => {};

export function leave() {
  token = challenge = asked = undefined;
  left();
  show("log-in");
}

async function enter(pair, entered) {
  token = pair.access_token;
  challenge = asked = undefined;
  const me = await call("me");
  show();
  return entered(me);
}

function proved(answer, entered, what) {
  if (!answer.mfa_required) return enter(answer, entered);
  ({ challenge, passkey: asked } = answer);
  show("second-factor");
  find("code").focus();
  return `${what} Your account has a second factor: show it, too.`;
}

// Has a passkey prove the second factor, or, as long as none is asked for, all of a log-in.
async function showPasskey(entered) {
  if (challenge) return prove({ passkey: await sign(asked) }, entered);
  const begun = await send("auth/passkeys/options", null);
  return enter(await send("auth/passkeys/verify", { challenge: begun.challenge, passkey: await sign(begun.options) }), entered);
}

async function prove(proof, entered) {
  try {
    return await enter(await send("auth/mfa/verify", { challenge, ...proof }), entered);
  } catch (error) {
    if (error.code === "challenge_expired") leave();
    throw error;
  }
}

// Goes on with what was begun with a provider: a log-in, or the linking of the account that somebody was logged in to.
async function goOn(begun, entered) {
  if (!begun.token) {
    const answer = await send(`auth/oidc/${begun.provider}/finish`, proof(begun));
    return proved(answer, entered, "The provider knows you.");
  }
  await enter({ access_token: begun.token }, entered);
  await call(`me/identities/${begun.provider}`, proof(begun));
  return `${await entered(await call("me"))} Your account is linked.`;
}

// Has somebody who is logged in go to a provider, to link their account to it, and stay logged in meanwhile.
export async function goAndLink(provider, page) {
  going = true;
  try {
    await go(provider, page, { token });
  } catch (error) {
    going = false;
    throw error;
  }
}

// Has the page's forms log somebody in: then `entered` is called with their account, and what it returns is said. `page` is the
// page's address, and `hash` makes what it needs behind the # when somebody comes back to it.
export function logsIn(entered, whenLeft, page, hash = () => "") {
  left = whenLeft;
  onSubmit("log-in", async ({ email, password }) =>
    proved(await send("auth/login", { email, password }), entered, "The password is right."));
  onSubmit("providers", (_fields, provider) => go(provider, page, { hash: hash() }));
  providers().then((items) => {
    const buttons = items.map(({ id, name }) => {
      return Object.assign(document.createElement("button"), { value: id, className: "other", textContent: `Log in with ${name}` });
    });
    find("providers").replaceChildren(...buttons);
    find("providers").hidden = find("log-in").hidden || !buttons.length;
  });
  const begun = back(page);
  if (begun) goOn(begun, entered).then(say, (error) => say(error.message, true));
  onSubmit("second-factor", async ({ code }) => {
    const digits = code.replace(/\s/g, "");
    return prove(/^\d{6}$/.test(digits) ? { code: digits } : { recovery_code: code }, entered);
  });
  onSubmit("passkey", () => showPasskey(entered));
  find("passkey").hidden = !supported || find("log-in").hidden;
}

// A session whose token is lost with the page is of use to nobody.
addEventListener("pagehide", () => {
  if (!token || going) return;
  const headers = { Authorization: `Bearer ${token}` };
  fetch("../v1/auth/logout", { method: "POST", headers, credentials: "omit", keepalive: true }).catch(() => {});
  leave();
  say("You are logged out.");
});
