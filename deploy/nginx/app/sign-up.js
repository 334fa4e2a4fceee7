import { send } from "./api.js";
import { find, onSubmit } from "./forms.js";

onSubmit("sign-up", async ({ email, password }) => {
  await send("auth/register", { email, password });
  find("sign-up").hidden = true;
  return `A mail is on its way to ${email}. Use what is in it within a day to verify your address.`;
});
