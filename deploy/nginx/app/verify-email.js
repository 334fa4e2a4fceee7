import { send } from "./api.js";
import { find, onSubmit, prefill } from "./forms.js";

find("pasted").hidden = prefill("token", "token");

// Not by itself: programs that look into mails open their links.
onSubmit("verify-email", async ({ token }) => {
  await send("auth/verify-email", { token });
  find("verify-email").hidden = find("another").hidden = true;
  return "Your address is verified. You can log in.";
});

onSubmit("resend", async ({ email }) => {
  await send("auth/verify-email/resend", { email });
  return `If ${email} belongs to an account and isn't verified yet, a mail is on its way.`;
});
