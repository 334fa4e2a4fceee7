// The difference of two texts, line by line: by their longest common subsequence.

export interface Line {
  kind: "same" | "added" | "gone";
  text: string;
}

export function difference(before: string, after: string): Line[] {
  const [old, young] = [before.split("\n"), after.split("\n")];
  const width = young.length + 1;
  // How many lines are common from here on, for each pair of places.
  const common = new Uint32Array((old.length + 1) * width);
  const at = (row: number, column: number) => common[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = young.length - 1; column >= 0; column -= 1) {
      common[row * width + column] = old[row] === young[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < young.length) {
    const [gone, added] = [old[row], young[column]];
    if (gone !== undefined && gone === added) {
      lines.push({ kind: "same", text: gone });
      row += 1;
      column += 1;
    } else if (added !== undefined && (gone === undefined || at(row, column + 1) > at(row + 1, column))) {
      lines.push({ kind: "added", text: added });
      column += 1;
    } else if (gone !== undefined) {
      lines.push({ kind: "gone", text: gone });
      row += 1;
    }
  }
  return lines;
}
