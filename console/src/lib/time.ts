// Times in the language of whoever looks.

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const numbers = new Intl.NumberFormat();

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [3600, "minute"],
  [86_400, "hour"],
  [7 * 86_400, "day"],
];

export const absolute = (at: string) => full.format(new Date(at));
export const clockTime = (at: string) => clock.format(new Date(at));
export const count = (number: number) => numbers.format(number);

// Returns how far a time is from `now`, and the date once that is more than a week.
export function relative(at: string, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  let unit = 1;
  for (const [limit, name] of STEPS) {
    if (distance < limit) return ago.format(Math.round(seconds / unit), name);
    unit = limit === 7 * 86_400 ? unit : limit;
  }
  return short.format(new Date(at));
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(number: number): string {
  const power = number > 0 ? Math.min(Math.floor(Math.log2(number) / 10), UNITS.length - 1) : 0;
  return `${numbers.format(Math.round((number / 1024 ** power) * 10) / 10)} ${UNITS[power]}`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${numbers.format(Math.round(seconds * 10) / 10)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${numbers.format(Math.round(seconds / 360) / 10)} h`;
}
