// Numbers and names as people read them.

const DASH = "–";

export const known = (value) => value !== null && value !== undefined;

export function number(value, digits = 0) {
  if (!known(value)) return DASH;
  const text = value.toLocaleString("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return text.replace("-", "−");
}

/** A duration in milliseconds, without the unit. */
export function ms(value) {
  if (!known(value)) return DASH;
  return number(value, value < 100 ? 1 : 0);
}

export const percent = (value, digits = 0) => (known(value) ? `${number(value * 100, digits)} %` : DASH);

export function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** 75 -> "1:15" */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (n) => String(n).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** Time between two stamps (ns) in words: "just now", "12 s ago", "3 min ago". */
export function ago(nowNs, thenNs) {
  const seconds = (nowNs - thenNs) / 1e9;
  if (seconds < 1.5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  return `${Math.round(seconds / 60)} min ago`;
}

/** A stamp (ns) as the time of day here. */
export function timeOfDay(stampNs) {
  return new Date(stampNs / 1e6).toLocaleTimeString("en-GB");
}

/** hot_cell -> "Hot cell", Hot-Spot -> "Hot Spot" */
export function label(className) {
  const words = className.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
