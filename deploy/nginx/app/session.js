// Logging in on a page. The access token is in a variable of this page alone, and the refresh token is not kept: after ten
// minutes, or once the page is closed or left, whoever goes on logs in again.

import { send } from "./api.js";
import { find, onSubmit, say } from "./forms.js";

let challenge, token;

const show = (id) => {
  for (const each of ["log-in", "second-factor"]) find(each).hidden = each !== id;
};

// Sends a request as whoever is logged in. Once the token is good no more, the form to log in is shown again.
export async function call(path, body) {
  try {
    return await send(path, body, token);
  } catch (error) {
    if (error.status === 401) leave();
    throw error;
  }
}

let left = () => {};

export function leave() {
  token = undefined;
  left();
  show("log-in");
}

async function enter(pair, entered) {
  token = pair.access_token;
  challenge = undefined;
  const me = await call("me");
  show();
  return entered(me);
}

// Has the page's forms log somebody in: then `entered` is called with their account, and what it returns is said.
export function logsIn(entered, whenLeft) {
  left = whenLeft;
  onSubmit("log-in", async ({ email, password }) => {
    const answer = await send("auth/login", { email, password });
    if (!answer.mfa_required) return enter(answer, entered);
    challenge = answer.challenge;
    show("second-factor");
    find("code").focus();
    return "The password is right. Your account has a second factor: show it, too.";
  });
  onSubmit("second-factor", async ({ code }) => {
    const digits = code.replace(/\s/g, "");
    const proof = /^\d{6}$/.test(digits) ? { code: digits } : { recovery_code: code };
    try {
      return await enter(await send("auth/mfa/verify", { challenge, ...proof }), entered);
    } catch (error) {
      if (error.code === "challenge_expired") show("log-in");
      throw error;
    }
  });
}

// A session whose token is lost with the page is of use to nobody.
addEventListener("pagehide", () => {
  if (!token) return;
  const headers = { Authorization: `Bearer ${token}` };
  fetch("../v1/auth/logout", { method: "POST", headers, credentials: "omit", keepalive: true }).catch(() => {});
  leave();
  say("You are logged out.");
});
