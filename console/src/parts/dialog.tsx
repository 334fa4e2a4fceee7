// Questions that are asked above the page: for a reason, for a yes, and who somebody is.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Field, Form } from "./form";

interface Asked {
  key: number;
  title: string;
  children: (close: (value: string | null) => void) => ComponentChildren;
  answer: (value: string | null) => void;
}

const asked = signal<readonly Asked[]>([]);
let last = 0;

// Shows a dialog, and resolves to what it is closed with; null when it is left.
export function ask(title: string, children: Asked["children"]): Promise<string | null> {
  return new Promise((resolve) => {
    const one: Asked = {
      key: (last += 1),
      title,
      children,
      answer: (value) => {
        asked.value = asked.value.filter((each) => each !== one);
        resolve(value);
      },
    };
    asked.value = [...asked.value, one];
  });
}

function Dialog({ one }: { one: Asked }) {
  const place = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    place.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return (
    <dialog
      ref={place}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        one.answer(null);
      }}
    >
      <h2 id={id}>{one.title}</h2>
      {one.children(one.answer)}
    </dialog>
  );
}

export function Dialogs() {
  // Whoever goes elsewhere has left what was asked here.
  useEffect(() => {
    const leave = () => asked.value.forEach((one) => one.answer(null));
    addEventListener("hashchange", leave);
    return () => removeEventListener("hashchange", leave);
  }, []);
  return (
    <>
      {asked.value.map((one) => (
        <Dialog key={one.key} one={one} />
      ))}
    </>
  );
}

interface Question {
  text: ComponentChildren;
  yes: string;
  danger?: boolean;
}

const Buttons = ({ yes, danger, close }: { yes: string; danger: boolean | undefined; close: (value: null) => void }) => (
  <div class="row end">
    <button type="button" class="other" onClick={() => close(null)}>
      Leave it
    </button>
    <button class={danger ? "danger" : ""}>{yes}</button>
  </div>
);

// Asks whether something shall be done.
export async function confirmed(title: string, { text, yes, danger }: Question): Promise<boolean> {
  const answer = await ask(title, (close) => (
    <Form onSubmit={() => Promise.resolve(close("yes"))}>
      <p>{text}</p>
      <Buttons yes={yes} danger={danger} close={close} />
    </Form>
  ));
  return answer !== null;
}

// Asks why something shall be done to somebody; null when it shall not.
export function reasonFor(title: string, { text, yes, danger }: Question): Promise<string | null> {
  return ask(title, (close) => (
    <Form onSubmit={({ reason = "" }) => Promise.resolve(close(reason.trim()))}>
      <p>{text}</p>
      <Field label="Reason" name="reason" hint="It is kept in the audit trail, and may be told to whom it concerns.">
        {(attributes) => <textarea {...attributes} rows={3} maxLength={500} required />}
      </Field>
      <Buttons yes={yes} danger={danger} close={close} />
    </Form>
  ));
}
