// Events as they happen, by the gateway's WebSocket: one for the page, closed while nobody looks at it.

import { effect, signal } from "@preact/signals";

import { can, me, token } from "./session";

export interface CloudEvent {
  id: string;
  type: string;
  subject: string;
  time: string;
  data: Record<string, unknown>;
}

export interface RunEvent {
  run_id: string;
  sequence: number;
  at: string;
  type: string;
  data: Record<string, unknown>;
}

interface Said {
  event?: { sequence: number | null; cloudevent: CloudEvent };
  ready?: { expires_at: string; live: boolean; sequence: number };
  heartbeat?: { live: boolean; sequence: number };
  stale?: object;
  resumed?: object;
  missed?: { sequence?: number };
  run_event?: RunEvent;
  run_ended?: { run_id: string; reason: string };
}

export type LiveState = "off" | "connecting" | "live" | "stale" | "paused";
export const live = signal<LiveState>("off");

interface Follower {
  after: number;
  show: (event: RunEvent) => void;
  ended: () => void;
}

const listeners = new Set<(event: CloudEvent) => void>();
const reloaders = new Set<() => void>();
const followers = new Map<string, Follower>();
let everybody = 0;
// Whether the log-in was too weak for everybody's events: then one's own come alone.
let barred = false;
let socket: WebSocket | undefined;
let ready = false;
let last: number | undefined;
let pause = 500;
let silence: ReturnType<typeof setTimeout> | undefined;
let renewal: ReturnType<typeof setTimeout> | undefined;
let again: ReturnType<typeof setTimeout> | undefined;

// Calls `show` for each event, and `reload` when some may have been missed, until the function that is returned is called.
export function onEvents(show: (event: CloudEvent) => void, reload?: () => void): () => void {
  listeners.add(show);
  if (reload) reloaders.add(reload);
  return () => {
    listeners.delete(show);
    if (reload) reloaders.delete(reload);
  };
}

// Calls `act` a moment after events of these types, once for many; and when some may have been missed.
export function onChanges(concerns: (event: CloudEvent) => boolean, act: () => void, milliseconds = 300): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      act();
    }, milliseconds);
  };
  const stop = onEvents((event) => concerns(event) && soon(), soon);
  return () => {
    clearTimeout(timer);
    stop();
  };
}

// Has everybody's events come, as administrators may, until the function that is returned is called.
export function watchEverybody(): () => void {
  // The gateway ends the connection of whoever asks for it and may not.
  if (!can("admin")) return () => undefined;
  everybody += 1;
  if (everybody === 1) subscribe();
  return () => {
    everybody -= 1;
    if (everybody === 0) subscribe();
  };
}

// Calls `show` for each event of a run behind the number `after`, and `ended` when nothing more comes.
export function followRun(run: string, after: number, show: (event: RunEvent) => void, ended: () => void): () => void {
  followers.set(run, { after, show, ended });
  if (ready) say({ follow: { run_id: run, after } });
  return () => {
    if (followers.delete(run) && ready) say({ unfollow: { run_id: run } });
  };
}

const say = (message: object) => socket?.send(JSON.stringify(message));

const subscribe = () => {
  if (ready) say({ subscribe: everybody && !barred ? { all: true } : {} });
};

async function authenticate(): Promise<void> {
  const access = await token().catch(() => undefined);
  if (access) say({ authenticate: { token: access, ...(last === undefined ? {} : { after: last }) } });
  else socket?.close();
}

function begun(expiresAt: string): void {
  pause = 500;
  if (!ready) {
    ready = true;
    if (everybody) subscribe();
    for (const [run, { after }] of followers) say({ follow: { run_id: run, after } });
  }
  clearTimeout(renewal);
  renewal = setTimeout(() => void authenticate(), Math.max(new Date(expiresAt).getTime() - Date.now() - 25_000, 1000));
}

function heard(said: Said): void {
  if (said.event) {
    if (said.event.sequence !== null) last = said.event.sequence;
    for (const show of listeners) show(said.event.cloudevent);
  } else if (said.ready) {
    live.value = said.ready.live ? "live" : "stale";
    if (last === undefined) last = said.ready.sequence;
    begun(said.ready.expires_at);
  } else if (said.heartbeat) {
    last = said.heartbeat.sequence;
  } else if (said.stale ?? said.resumed) {
    live.value = said.resumed ? "live" : "stale";
  } else if (said.missed) {
    last = said.missed.sequence ?? last;
    for (const reload of reloaders) reload();
  } else if (said.run_event) {
    const follower = followers.get(said.run_event.run_id);
    if (follower) follower.after = said.run_event.sequence;
    follower?.show(said.run_event);
  } else if (said.run_ended) {
    const follower = followers.get(said.run_ended.run_id);
    followers.delete(said.run_ended.run_id);
    follower?.ended();
  }
}

function open(): void {
  if (socket || document.hidden || !me.value) return;
  clearTimeout(again);
  live.value = "connecting";
  const opened = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/realtime`, "botberi.realtime.v1");
  socket = opened;
  opened.onopen = () => void authenticate();
  opened.onmessage = ({ data }) => {
    clearTimeout(silence);
    silence = setTimeout(() => opened.close(), 45_000);
    heard(JSON.parse(String(data)) as Said);
  };
  opened.onclose = ({ code }) => {
    if (socket !== opened) return;
    closed();
    live.value = document.hidden ? "paused" : me.value ? "connecting" : "off";
    // 4400 and 4403 say that this page is wrong: to ask the same again would not help.
    if (code === 4400 || (code === 4403 && (barred || !everybody))) return;
    if (code === 4403) barred = true;
    again = setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, 30_000);
  };
}

function closed(): void {
  socket = undefined;
  ready = false;
  clearTimeout(silence);
  clearTimeout(renewal);
}

function close(state: LiveState): void {
  clearTimeout(again);
  const was = socket;
  closed();
  was?.close();
  live.value = state;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden && me.value) close("paused");
  else open();
});

let whose: string | undefined;
effect(() => {
  const account = me.value?.id;
  // Another log-in of the same account goes on where it was, and may be a better one.
  if (account !== whose) last = undefined;
  whose = account;
  barred = false;
  close("off");
  open();
});
