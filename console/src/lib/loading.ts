// What is read from the API, with how far that is: a single thing, or a list page by page.

import { batch, signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { onChanges, watchEverybody, type CloudEvent } from "./live";
import { asProblem, type ProblemError } from "./problem";

export class Loaded<T> {
  readonly value: Signal<T | undefined> = signal(undefined);
  readonly problem: Signal<ProblemError | null> = signal(null);
  readonly #read: () => Promise<T>;
  #asked = 0;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  // Reads it, or reads it anew: what is shown stays until then, and what was asked for earlier and comes later doesn't count.
  reload = async (): Promise<void> => {
    const asked = ++this.#asked;
    try {
      const value = await this.#read();
      if (asked !== this.#asked) return;
      batch(() => {
        this.value.value = value;
        this.problem.value = null;
      });
    } catch (error) {
      if (asked === this.#asked) this.problem.value = asProblem(error);
    }
  };
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface PageQuery {
  limit: number;
  cursor?: string;
}

const SIZE = 25;
const MOST = 100;

export class Listed<T> {
  readonly items: Signal<T[] | undefined> = signal(undefined);
  readonly next: Signal<string | null> = signal(null);
  readonly problem: Signal<ProblemError | null> = signal(null);
  readonly busy = signal(false);
  readonly #read: (query: PageQuery) => Promise<Page<T>>;
  #asked = 0;

  constructor(read: (query: PageQuery) => Promise<Page<T>>) {
    this.#read = read;
  }

  // Reads the newest, as many as are shown but a hundred at most: what is beyond is asked for by `more` again.
  reload = (): Promise<void> => this.#get({ limit: Math.min(Math.max(this.items.value?.length ?? 0, SIZE), MOST) }, []);

  more = (): Promise<void> => {
    const cursor = this.next.value;
    return cursor ? this.#get({ limit: SIZE, cursor }, this.items.value ?? []) : Promise.resolve();
  };

  async #get(query: PageQuery, before: T[]): Promise<void> {
    const asked = ++this.#asked;
    this.busy.value = true;
    try {
      const page = await this.#read(query);
      if (asked !== this.#asked) return;
      batch(() => {
        this.items.value = [...before, ...page.items];
        this.next.value = page.next_cursor;
        this.problem.value = null;
      });
    } catch (error) {
      if (asked === this.#asked) this.problem.value = asProblem(error);
    } finally {
      if (asked === this.#asked) this.busy.value = false;
    }
  }
}

// Returns what `read` reads, read anew when one of `inputs` is another.
export function useLoaded<T>(read: () => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
  const loaded = useMemo(() => new Loaded(read), inputs);
  useEffect(() => void loaded.reload(), [loaded]);
  return loaded;
}

export function useListed<T>(read: (query: PageQuery) => Promise<Page<T>>, inputs: readonly unknown[]): Listed<T> {
  const listed = useMemo(() => new Listed(read), inputs);
  useEffect(() => void listed.reload(), [listed]);
  return listed;
}

interface Fresh {
  // Whether by everybody's events, as administrators may, and not only by one's own.
  everybody?: boolean;
  milliseconds?: number;
}

// Has what was read be read anew a moment after events that concern it, once for many.
export function useFresh(read: { reload: () => Promise<void> }, concerns: (event: CloudEvent) => boolean, { everybody = false, milliseconds }: Fresh = {}): void {
  useEffect(() => (everybody ? watchEverybody() : undefined), []);
  useEffect(() => onChanges(concerns, () => void read.reload(), milliseconds), [read]);
}
