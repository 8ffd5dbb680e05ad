import { shortNumber } from "./short-number.ts";

/** Pictures as text: SVG, which browsers and notebooks show as it is. */

const colours = { ink: "#16191f", faint: "#d5dbdb", line: "#0972d3", reference: "#879596" };
const size = 420;
const margin = 56;
const inner = size - 2 * margin;

type Point = readonly [x: number, y: number];

/** Text as SVG and HTML may hold it. */
export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="sans-serif" font-size="12" role="img" aria-label="${escapeText(title)}">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    label(width / 2, 24, title, { size: 15 }),
    ...parts,
    "</svg>\n",
  ].join("");
}

interface LabelOptions {
  readonly size?: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly colour?: string;
  readonly turned?: boolean;
  /** White around it, so that it can be read over lines. */
  readonly halo?: boolean;
}

function label(x: number, y: number, text: string, options: LabelOptions = {}): string {
  const { size: points = 12, anchor = "middle", colour = colours.ink, turned = false, halo = false } = options;
  const turn = turned ? ` transform="rotate(-90 ${x} ${y})"` : "";
  const clear = halo ? ' stroke="white" stroke-width="4" paint-order="stroke"' : "";
  return `<text x="${x}" y="${y}" font-size="${points}" text-anchor="${anchor}" fill="${colour}"${clear}${turn}>${escapeText(text)}</text>`;
}

/** A curve in the unit square. */
export interface Curve {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly points: readonly Point[];
  /** What a model that guesses would draw. */
  readonly reference: readonly [Point, Point];
  readonly note: string;
}

/** Points that a curve is drawn with: more would not be seen. */
const mostPoints = 400;

/** Draws a curve with its axes from 0 to 1. */
export function curveSvg({ title, xName, yName, points, reference, note }: Curve): string {
  const x = (value: number) => (margin + value * inner).toFixed(1);
  const y = (value: number) => (size - margin - value * inner).toFixed(1);
  const path = (list: readonly Point[]) => list.map(([a, b], i) => `${i === 0 ? "M" : "L"}${x(a)} ${y(b)}`).join("");
  const step = Math.max(1, Math.ceil(points.length / mostPoints));
  const drawn = points.filter((_, i) => i % step === 0 || i === points.length - 1);
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1].flatMap((tick) => [
    `<path d="M${x(tick)} ${y(0)}V${y(1)}M${x(0)} ${y(tick)}H${x(1)}" stroke="${colours.faint}"/>`,
    label(Number(x(tick)), size - margin + 18, tick.toFixed(1)),
    label(margin - 8, Number(y(tick)) + 4, tick.toFixed(1), { anchor: "end" }),
  ]);
  return picture(size, size, title, [
    ...ticks,
    `<path d="${path(reference)}" fill="none" stroke="${colours.reference}" stroke-dasharray="4 4"/>`,
    `<path d="${path(drawn)}" fill="none" stroke="${colours.line}" stroke-width="2"/>`,
    label(size / 2, size - 14, xName),
    label(16, size / 2, yName, { turned: true }),
    label(size - margin - 8, size - margin - 10, note, { anchor: "end", halo: true }),
  ]);
}

/** Classes that a matrix shows: more cannot be read. */
const mostClasses = 25;

/** Width of a column from which its name is written above it as it is. */
const widestName = 70;

/** Draws how often each class (rows) was taken for each (columns). */
export function confusionSvg(classes: readonly string[], matrix: Float64Array): string {
  const shown = Math.min(classes.length, mostClasses);
  const cell = Math.max(28, Math.min(90, 360 / shown));
  const left = 130;
  // Names that have no room beside each other stand on end.
  const turned = cell < widestName;
  const top = turned ? 150 : 70;
  const cells: string[] = [];
  for (let row = 0; row < shown; row++) {
    const counts = matrix.subarray(row * classes.length, (row + 1) * classes.length);
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (let column = 0; column < shown; column++) {
      const count = counts[column] as number;
      const share = total === 0 ? 0 : count / total;
      const [x, y] = [left + column * cell, top + row * cell];
      cells.push(
        `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${colours.line}" fill-opacity="${share.toFixed(3)}" stroke="${colours.faint}"/>`,
        label(x + cell / 2, y + cell / 2 + 4, String(count), { colour: share > 0.5 ? "white" : colours.ink }),
      );
    }
    cells.push(label(left - 8, top + row * cell + cell / 2 + 4, shorten(classes[row] as string), { anchor: "end" }));
    const [x, name] = [left + row * cell + cell / 2, shorten(classes[row] as string, turned ? 16 : cell / 7)];
    cells.push(turned ? label(x + 4, top - 8, name, { anchor: "start", turned }) : label(x, top - 8, name));
  }
  const side = shown * cell;
  const title =
    shown < classes.length ? `Confusion matrix (${shown} of ${classes.length} classes)` : "Confusion matrix";
  return picture(left + side + 30, top + side + 50, title, [
    ...cells,
    label(left + side / 2, top + side + 30, "predicted"),
    label(16, top + side / 2, "actual", { turned: true }),
  ]);
}

function shorten(text: string, most = 16): string {
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

/** Draws bars, the longest first. */
export function barsSvg(title: string, bars: readonly { readonly name: string; readonly value: number }[]): string {
  const left = 180;
  const width = 640;
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const parts = bars.flatMap(({ name, value }, index) => {
    const y = 44 + index * 24;
    const length = Math.max(0, (value / most) * (width - left - 90));
    return [
      label(left - 8, y + 13, shorten(name, 26), { anchor: "end" }),
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="18" fill="${colours.line}"/>`,
      label(left + length + 6, y + 13, shortNumber(value), { anchor: "start" }),
    ];
  });
  return picture(width, 60 + bars.length * 24, title, parts);
}

/** Draws predicted values over actual ones. */
export function scatterSvg(title: string, actual: ArrayLike<number>, predicted: ArrayLike<number>): string {
  const all = [...Array.from(actual), ...Array.from(predicted)];
  const low = all.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = all.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const scale = (value: number) => (high === low ? 0.5 : (value - low) / (high - low));
  const step = Math.max(1, Math.ceil(actual.length / 2000));
  const dots: string[] = [];
  for (let i = 0; i < actual.length; i += step) {
    const x = margin + scale(actual[i] as number) * inner;
    const y = size - margin - scale(predicted[i] as number) * inner;
    dots.push(`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.5" fill="${colours.line}" fill-opacity="0.4"/>`);
  }
  return picture(size, size, title, [
    `<rect x="${margin}" y="${margin}" width="${inner}" height="${inner}" fill="none" stroke="${colours.faint}"/>`,
    `<path d="M${margin} ${size - margin}L${size - margin} ${margin}" stroke="${colours.reference}" stroke-dasharray="4 4"/>`,
    ...dots,
    label(margin, size - margin + 18, shortNumber(low)),
    label(size - margin, size - margin + 18, shortNumber(high)),
    label(margin - 6, size - margin, shortNumber(low), { anchor: "start", turned: true }),
    label(margin - 6, margin, shortNumber(high), { anchor: "end", turned: true }),
    label(size / 2, size - 14, "actual"),
    label(16, size / 2, "predicted", { turned: true }),
  ]);
}
