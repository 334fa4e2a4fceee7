// Forms that a script sends: what came of it is said in the page's live region, and what is wrong beside its field.
// Texts are only ever set as text.

export const find = (id) => document.getElementById(id);

const state = find("state");

export function say(text, refused = false) {
  state.classList.toggle("refused", refused);
  state.textContent = text;
  state.focus();
}

// What stands behind the # reaches no server. It leaves the address bar and the history, too.
export const told = new URLSearchParams(location.hash.slice(1));
if (location.hash) history.replaceState(null, "", location.pathname);
// Whoever opens another link in the same tab has only changed what is behind the #.
addEventListener("hashchange", () => location.reload());

// Fills in a field with what the link of a mail or of a device has told, and returns whether it has.
export function prefill(id, name) {
  const value = told.get(name);
  if (value) find(id).value = value;
  return Boolean(value);
}

// Where what is refused as a whole is about one field.
const FIELDS = { token_expired_or_used: "token", user_code_not_found: "user_code", second_factor_wrong: "code" };

function wrong(form, error) {
  const errors = error.errors?.length ? error.errors : [{ pointer: `/${FIELDS[error.code]}`, message: error.message }];
  return errors.map(({ pointer, message }) => [form.elements.namedItem(pointer.slice(1)), message]).filter(([field]) => field);
}

function mark(field, message) {
  const note = Object.assign(document.createElement("p"), { id: `${field.id}-error`, className: "error", textContent: message });
  const hint = find(`${field.id}-hint`);
  field.after(note);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", hint ? `${note.id} ${hint.id}` : note.id);
}

function unmark(form) {
  for (const note of form.querySelectorAll(".error")) note.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    if (find(`${field.id}-hint`)) field.setAttribute("aria-describedby", `${field.id}-hint`);
    else field.removeAttribute("aria-describedby");
  }
}

function refuse(form, error) {
  const fields = wrong(form, error);
  if (!fields.length) {
    say(error.message, true);
    return;
  }
  for (const [field, message] of fields) {
    mark(field, message);
    // What came by a link was filled in unseen.
    const unseen = field.closest("[hidden]");
    if (unseen && unseen !== form) unseen.hidden = false;
  }
  say("This can't be sent like that: see what is marked.", true);
  fields[0][0].focus();
}

// Has a form handled by a function of its fields and of the value of the button; what that returns is said.
export function onSubmit(id, handle) {
  const form = find(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // Once at a time, and without taking the focus from a button by disabling it.
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    unmark(form);
    try {
      const said = await handle(Object.fromEntries(new FormData(form)), event.submitter?.value);
      form.reset();
      if (said) say(said);
    } catch (error) {
      refuse(form, error);
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}
