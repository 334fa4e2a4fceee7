import { find, onSubmit, prefill } from "./forms.js";
import { call, logsIn } from "./session.js";

prefill("user-code", "user_code");

let code;

const show = (id) => {
  for (const each of ["find", "decide"]) find(each).hidden = each !== id;
};

logsIn((me) => {
  find("who").textContent = me.email;
  show("find");
  return "You are logged in. Now for the code.";
}, show, "device", () => `#user_code=${encodeURIComponent(find("user-code").value)}`);

onSubmit("find", async ({ user_code }) => {
  const asking = await call("auth/device/approve", { user_code });
  code = user_code;
  for (const each of ["client", "device", "network"]) find(each).textContent = asking[each] || "unknown";
  show("decide");
  return "See who asks, and decide.";
});

onSubmit("decide", async (_fields, decision) => {
  try {
    await call("auth/device/approve", { user_code: code, decision });
  } catch (error) {
    if (error.code === "user_code_not_found") show("find");
    throw error;
  }
  show();
  return decision === "approve" ? "Approved. Go on where the code was shown." : "Denied. The program can't log in.";
});
