// Forms whose fields are read when they are sent. What was refused is said beside its field, and the first such field gets the focus.

import { signal, useSignal, type Signal } from "@preact/signals";
import { createContext, type ComponentChildren, type InputHTMLAttributes, type TargetedSubmitEvent } from "preact";
import { useContext, useId, useRef } from "preact/hooks";

import { asProblem, type FieldError, type ProblemError } from "../lib/problem";
import { Note, tell } from "./basics";

export type Fields = Record<string, string>;

export const Errors = createContext<Signal<readonly FieldError[]>>(signal([]));

interface FormProps {
  // What it returns is said; the fields are emptied then unless `stays`.
  onSubmit: (fields: Fields, button: string) => Promise<string | undefined | void>;
  children: ComponentChildren;
  stays?: boolean;
  class?: string;
  label?: string;
}

export function Form({ onSubmit, children, stays, class: kind, label }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const errors = useSignal<readonly FieldError[]>([]);
  const problem = useSignal<ProblemError | null>(null);
  const busy = useSignal(false);
  const done = useSignal("");

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    if (busy.value) return;
    const place = event.currentTarget;
    const button = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    busy.value = true;
    errors.value = [];
    problem.value = null;
    done.value = "";
    try {
      const fields = Object.fromEntries([...new FormData(place)].map(([name, value]) => [name, String(value)]));
      const told = await onSubmit(fields, button);
      if (!stays) place.reset();
      if (told) {
        done.value = told;
        tell(told);
      }
    } catch (thrown) {
      problem.value = asProblem(thrown);
      errors.value = problem.value.errors;
      setTimeout(() => place.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    } finally {
      busy.value = false;
    }
  }

  return (
    <Errors.Provider value={errors}>
      <form ref={form} class={kind} aria-label={label} aria-busy={busy.value} onSubmit={(event) => void submit(event)} noValidate={false}>
        {problem.value && <Note problem={problem.value} />}
        {children}
        {done.value && <p class="note good">{done.value}</p>}
      </form>
    </Errors.Provider>
  );
}

// Returns what was refused of a place of the body, and what its field says of that to whoever can't see it.
export function useRefused(pointer: string, id: string, hint: boolean) {
  const errors = useContext(Errors).value.filter((each) => each.pointer === pointer);
  const describedby = [errors.length && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return { errors, attributes: { "aria-invalid": errors.length ? true : undefined, "aria-describedby": describedby || undefined } as const };
}

interface FieldProps {
  label: string;
  name: string;
  hint?: ComponentChildren;
  // Where its value stands in the body, if that isn't its name.
  pointer?: string;
  children?: (attributes: { id: string; name: string }) => ComponentChildren;
}

interface InputProps {
  type?: "text" | "email" | "password" | "number" | "search" | "date";
  autocomplete?: string;
  autofocus?: boolean;
  defaultValue?: string | number;
  maxLength?: number;
  min?: number;
  max?: number;
  step?: number | "any";
  pattern?: string;
  placeholder?: string;
  required?: boolean;
}

export function Field({ label, name, hint, pointer = `/${name}`, children, ...rest }: FieldProps & InputProps) {
  const id = useId();
  const { errors, attributes } = useRefused(pointer, id, Boolean(hint));
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children ? children({ id, name, ...attributes }) : <input id={id} name={name} {...attributes} {...(rest as InputHTMLAttributes<HTMLInputElement>)} />}
      {errors.map((each) => (
        <p key={each.code} id={`${id}-error`} class="error">
          {each.message}
        </p>
      ))}
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  name: string;
  options: readonly (readonly [string, string])[];
  value?: string;
  onChange?: (value: string) => void;
}

export function Choice({ label, name, options, value, onChange }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} value={value} onChange={(event) => onChange?.(event.currentTarget.value)}>
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

// A button that does something by itself: it says what went wrong, and is busy meanwhile.
interface ActionProps {
  act: () => Promise<string | undefined | void>;
  children: ComponentChildren;
  class?: string;
  label?: string;
}

export function Action({ act, children, class: kind, label }: ActionProps) {
  const busy = useSignal(false);
  const problem = useSignal<ProblemError | null>(null);

  async function press(): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      const told = await act();
      if (told) tell(told);
    } catch (thrown) {
      problem.value = asProblem(thrown);
    } finally {
      busy.value = false;
    }
  }

  return (
    <>
      <button type="button" class={kind} aria-label={label} aria-busy={busy.value} onClick={() => void press()}>
        {children}
      </button>
      {problem.value && <Note problem={problem.value} />}
    </>
  );
}
