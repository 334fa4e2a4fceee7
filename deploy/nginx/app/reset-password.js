import { send } from "./api.js";
import { find, onSubmit, prefill } from "./forms.js";

const linked = prefill("token", "token");
find("pasted").hidden = find("forgot-password").hidden = linked;

onSubmit("forgot-password", async ({ email }) => {
  await send("auth/password/forgot", { email });
  return `If ${email} belongs to an account, a mail is on its way. Use what is in it within ten minutes.`;
});

onSubmit("reset-password", async ({ token, new_password }) => {
  try {
    await send("auth/password/reset", { token, new_password });
  } catch (error) {
    if (error.code === "token_expired_or_used") find("forgot-password").hidden = false;
    throw error;
  }
  find("forgot-password").hidden = find("reset").hidden = true;
  return "Your password is changed, and everybody is logged out. Log in with it.";
});
