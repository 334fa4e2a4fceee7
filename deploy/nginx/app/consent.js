import { find, onSubmit, told } from "./forms.js";
import { query } from "./identities.js";
import { call, logsIn } from "./session.js";

// What the client asks for, as it has sent the browser here; or as it was taken along to a provider and back.
const asked = { ...Object.fromEntries(told), ...query };
const NAMES = ["client_id", "redirect_uri", "response_type", "code_challenge", "code_challenge_method", "resource", "scope", "state"];
const request = Object.fromEntries(NAMES.filter((name) => asked[name]).map((name) => [name, asked[name]]));

const show = () => {
  find("decide").hidden = true;
};

logsIn(async (me) => {
  const client = await call("oauth/authorize", request);
  for (const each of ["client_host", "client_name", "redirect_host", "resource"]) find(each.replace("_", "-")).textContent = client[each];
  find("who").textContent = me.email;
  find("decide").hidden = false;
  return "See who asks, and decide.";
}, show, "consent", () => `#${new URLSearchParams(request)}`);

onSubmit("decide", async (_fields, decision) => {
  const { redirect_to } = await call("oauth/authorize", { ...request, decision });
  location.assign(redirect_to);
  return "Back to the program.";
});
