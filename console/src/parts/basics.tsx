// Small pieces that every page is made of.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Loaded } from "../lib/loading";
import type { ProblemError } from "../lib/problem";
import { absolute, relative } from "../lib/time";

type Children = { children?: ComponentChildren };

// Said to whoever doesn't see the page, when something was done.
export const said = signal("");
export const tell = (text: string) => {
  said.value = text;
};

// The moment, so that what is told relative to it stays right; it stands still while nobody looks.
const moment = signal(Date.now());
setInterval(() => {
  if (!document.hidden) moment.value = Date.now();
}, 20_000);

export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="quiet">–</span>;
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, moment.value)}
    </time>
  );
}

const GOOD = new Set(["running", "completed", "published", "verified", "live", "yes", "succeeded", "ok", "intact", "ready", "released", "approved"]);
const BAD = new Set(["failed", "suspended", "yanked", "dead", "parked", "error", "critical", "no", "refused", "down", "broken", "engaged", "rejected"]);
const WAITING = new Set(["input_required", "deprecated", "warning", "stale", "unverified", "candidate"]);
const BUSY = new Set(["pending", "provisioning", "starting", "updating", "stopping", "deleting", "queued", "connecting"]);

const toneOf = (status: string) =>
  GOOD.has(status) ? "good" : BAD.has(status) ? "bad" : WAITING.has(status) ? "waiting" : BUSY.has(status) ? "busy" : "plain";

export const spoken = (code: string) => code.replaceAll("_", " ");

export function Pill({ of }: { of: string }) {
  return <span class={`pill ${toneOf(of)}`}>{spoken(of)}</span>;
}

export function Id({ of }: { of: string }) {
  return <code class="id">{of}</code>;
}

export function Note({ problem, again }: { problem: ProblemError; again?: () => unknown }) {
  return (
    <div class="note bad" role="alert">
      <strong>{problem.title}</strong>
      <p>{problem.message}</p>
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.map(({ pointer, message }) => (
            <li key={pointer}>
              <code>{pointer.replace(/^[/?]/, "")}</code> {message}
            </li>
          ))}
        </ul>
      )}
      {problem.traceId && (
        <p class="quiet">
          If you ask somebody about it, tell them <code>{problem.traceId}</code>.
        </p>
      )}
      {again && (
        <button type="button" class="small" onClick={() => void again()}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string } & Children) {
  return (
    <div class="empty">
      <p class="lead">{title}</p>
      {children}
    </div>
  );
}

export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{what} …</span>
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
    </div>
  );
}

// Shows what is read once it is there; a problem stands above what was read before.
export function Shown<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  const value = of.value.value;
  const problem = of.problem.value;
  return (
    <>
      {problem && <Note problem={problem} again={of.reload} />}
      {value === undefined ? !problem && <Loading /> : children(value)}
    </>
  );
}

// The heading of a page: it gets the focus when the page is come to, so that its title is read out.
export function Heading({ title, crumbs, children }: { title: string; crumbs?: [string, string][] } & Children) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - Botberi`;
  }, [title]);
  useEffect(() => heading.current?.focus(), []);
  return (
    <header class="heading">
      {crumbs && (
        <nav aria-label="Where this is">
          {crumbs.map(([name, href]) => (
            <span key={href}>
              <a href={href}>{name}</a> <span aria-hidden="true">/</span>{" "}
            </span>
          ))}
        </nav>
      )}
      <div class="row spread">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <div class="row">{children}</div>
      </div>
    </header>
  );
}

export function Section({ title, actions, children }: { title: string; actions?: ComponentChildren } & Children) {
  return (
    <section>
      <div class="row spread">
        <h2>{title}</h2>
        {actions && <div class="row">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? <span class="quiet">–</span>}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Tabs({ of, here }: { of: [string, string, string][]; here: string }) {
  return (
    <nav class="tabs" aria-label="Parts of this page">
      {of.map(([key, name, href]) => (
        <a key={key} href={href} aria-current={key === here ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

export function Json({ of }: { of: unknown }) {
  return (
    <pre class="json" tabIndex={0}>
      {JSON.stringify(of, null, 2)}
    </pre>
  );
}
