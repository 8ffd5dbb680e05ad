import { shortNumber } from "./short-number.ts";
import { escapeText } from "./svg.ts";

const style = [
  "body{font-family:sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#16191f}",
  "table{border-collapse:collapse;margin:1em 0}",
  "th,td{padding:.3em 1em .3em 0;text-align:left;border-bottom:1px solid #d5dbdb}",
  "td.number{text-align:right;font-variant-numeric:tabular-nums}",
  "figure{display:inline-block;margin:0;vertical-align:top}",
  "svg{max-width:100%;height:auto}",
].join("");

/** A page of HTML that needs nothing else. @param parts - What is in its body, as HTML. */
export function page(title: string, parts: readonly string[]): string {
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><title>${escapeText(title)}</title><style>${style}</style></head>`,
    `<body><h1>${escapeText(title)}</h1>`,
    ...parts,
    "</body></html>\n",
  ].join("\n");
}

/** A paragraph. */
export function paragraph(text: string): string {
  return `<p>${escapeText(text)}</p>`;
}

/** A heading within the page. */
export function heading(text: string): string {
  return `<h2>${escapeText(text)}</h2>`;
}

/** A table; numbers have four digits or so and stand on the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = (row: readonly (string | number)[]) => row.map((each) => cell(each)).join("");
  return [
    `<table><tr>${head.map((name) => `<th>${escapeText(name)}</th>`).join("")}</tr>`,
    ...rows.map((row) => `<tr>${cells(row)}</tr>`),
    "</table>",
  ].join("\n");
}

/** Pictures beside each other, where there is room. @param pictures - SVG. */
export function pictures(svgs: readonly string[]): string {
  return `<div>${svgs.map((svg) => `<figure>${svg}</figure>`).join("")}</div>`;
}

function cell(value: string | number): string {
  if (typeof value === "string") return `<td>${escapeText(value)}</td>`;
  return `<td class="number">${shortNumber(value)}</td>`;
}
