import { send } from "./api.js";
import { find, onSubmit, prefill } from "./forms.js";

find("pasted").hidden = prefill("token", "token");

onSubmit("confirm-email", async ({ token }) => {
  const { changed } = await send("auth/email/confirm", { token });
  find("confirm-email").hidden = true;
  return changed
    ? "Your account has the new address: log in with it."
    : "Confirmed. The address changes once what was sent to the other address is used, too.";
});
