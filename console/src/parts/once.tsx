// What is shown one time alone, to be kept elsewhere.

import type { ComponentChildren } from "preact";

import { tell } from "./basics";
import { Action } from "./form";

interface Props {
  title: string;
  text: string;
  done: () => void;
  children: ComponentChildren;
}

export function Once({ title, text, done, children }: Props) {
  return (
    <div class="note good" role="status">
      <strong>{title}</strong>
      <p>{children}</p>
      <pre class="json once" tabIndex={0}>
        {text}
      </pre>
      <div class="row">
        <Action
          class="small"
          act={async () => {
            await navigator.clipboard.writeText(text);
            tell("It is copied.");
          }}
        >
          Copy
        </Action>
        <button type="button" class="other small" onClick={done}>
          I have kept it
        </button>
      </div>
    </div>
  );
}
