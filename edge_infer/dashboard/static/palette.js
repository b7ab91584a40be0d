// The colours of the map, read from the style sheet so that both follow one theme.
// Findings are warm (a thermal camera's ramp by score), machines are cool.

const NAMES = [
  "ground",
  "grid",
  "row",
  "row-edge",
  "module",
  "text",
  "muted",
  "halo",
  "panel",
  "accent",
  "bad",
  "warn",
  "drone-lightness",
];
const HEAT_STOPS = 6;
const LOWEST_SCORE = 0.25;

class Palette {
  constructor() {
    // Nobody asks this list whether it matches: Chromium drops the event if somebody did just before.
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.theme.addEventListener("change", () => this.change());
    this.version = 0;
    this.read();
  }

  change() {
    this.read();
    this.onchange?.();
  }

  read() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(`--${name}`).trim();
    for (const name of NAMES) this[name.replace(/-(\w)/g, (_, c) => c.toUpperCase())] = value(name);
    this.stops = Array.from({ length: HEAT_STOPS }, (_, i) => rgb(value(`heat-${i}`)));
    this.version += 1;
  }

  /** Colour of a score: low is violet, high is near white; squared, as most scores are high. */
  heat(score, alpha = 1) {
    const share = Math.min(1, Math.max(0, (score - LOWEST_SCORE) / (1 - LOWEST_SCORE))) ** 2;
    const place = share * (HEAT_STOPS - 1);
    const low = Math.min(HEAT_STOPS - 2, Math.floor(place));
    const mix = this.stops[low].map((c, i) => Math.round(c + (this.stops[low + 1][i] - c) * (place - low)));
    return `rgb(${mix.join(" ")} / ${alpha})`;
  }

  /** Colour of the n-th drone: hues spread over green, cyan and blue. */
  drone(index, alpha = 1) {
    const hue = 145 + ((index * 0.618034) % 1) * 100;
    return `hsl(${hue} 85% ${this.droneLightness} / ${alpha})`;
  }
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

export const palette = new Palette();
