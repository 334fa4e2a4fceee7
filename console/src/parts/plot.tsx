// A plot over time.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Props {
  label: string;
  // Seconds since 1970, in order.
  times: readonly number[];
  lines: readonly { name: string; values: readonly (number | null)[] }[];
  bars?: boolean;
  height?: number;
}

const COLOURS = ["--accent", "--good", "--waiting", "--bad", "--busy"];
const dark = matchMedia("(prefers-color-scheme: dark)");

export function Plot({ label, times, lines, bars, height = 190 }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = lines.map(({ name }) => name).join();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const style = getComputedStyle(element);
    // Canvas knows no light-dark(): a colour is asked of an element that has it.
    const colour = (name: string) => {
      element.style.color = `var(${name})`;
      return style.color;
    };
    const [text, line] = [colour("--quiet"), colour("--line")];
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { drag: { x: false, y: false } },
        scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, 1) * 1.1] } },
        axes: [axis, { ...axis, size: 44 }],
        series: [
          {},
          ...lines.map(({ name }, index) => {
            const stroke = colour(COLOURS[index % COLOURS.length] ?? "--accent");
            const drawn = bars && uPlot.paths.bars?.({ size: [0.6, 40] });
            return { label: name, stroke, width: 2, points: { show: false }, ...(drawn && { fill: stroke, paths: drawn, points: { show: false } }) };
          }),
        ],
      },
      data(times, lines),
      element,
    );
    element.style.color = "";
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, bars, height, dark.matches]);
  useEffect(() => plot.current?.setData(data(times, lines)), [times, lines]);
  const last = lines.map(({ name, values }) => `${name} ${values.at(-1) ?? 0}`).join(", ");
  return <div ref={place} class="plot" role="img" aria-label={`${label}. Last: ${last}`} />;
}

const data = (times: Props["times"], lines: Props["lines"]): uPlot.AlignedData => [[...times], ...lines.map(({ values }) => [...values])];
