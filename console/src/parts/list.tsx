// A list that is read page by page.

import type { ComponentChildren, JSX } from "preact";

import type { Listed } from "../lib/loading";
import { Loading, Note } from "./basics";

export interface Column<T> {
  name: string;
  // The first column heads its row.
  cell: (item: T) => ComponentChildren;
  // Left out where there is little room.
  wide?: boolean;
}

interface ListProps<T> {
  of: Listed<T>;
  label: string;
  columns: readonly Column<T>[];
  keyOf: (item: T) => string;
  empty: ComponentChildren;
}

export function List<T>({ of, label, columns, keyOf, empty }: ListProps<T>): JSX.Element {
  const items = of.items.value;
  const problem = of.problem.value;
  return (
    <>
      {problem && <Note problem={problem} again={of.reload} />}
      {items === undefined && !problem && <Loading />}
      {items?.length === 0 && empty}
      {items && items.length > 0 && (
        <div class="scroll" role="region" aria-label={label} tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map(({ name, wide }) => (
                  <th key={name} scope="col" class={wide ? "wide" : undefined}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={keyOf(item)}>
                  {columns.map(({ name, cell, wide }, index) =>
                    index === 0 ? (
                      <th key={name} scope="row">
                        {cell(item)}
                      </th>
                    ) : (
                      <td key={name} class={wide ? "wide" : undefined}>
                        {cell(item)}
                      </td>
                    ),
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More of={of} />
    </>
  );
}

export function More<T>({ of }: { of: Listed<T> }) {
  return of.next.value ? (
    <p class="more">
      <button type="button" class="other" aria-busy={of.busy.value} onClick={() => void of.more()}>
        More
      </button>
    </p>
  ) : null;
}
