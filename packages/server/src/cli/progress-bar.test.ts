import { expect, test } from "vitest";
import { ProgressBar } from "./progress-bar.ts";

class Paper {
  readonly isTTY: boolean;
  readonly columns: number;
  written: string[] = [];

  constructor(isTTY: boolean, columns = 60) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.written.push(text);
  }
}

test("a terminal has one line, drawn over itself, never wider than it is, and gone in the end", () => {
  const paper = new Paper(true);
  const bar = new ProgressBar(paper);
  bar.show("found a");
  bar.show("50 %, fetched b", 0.5);
  bar.show("50 %, fetched b", 0.5);
  bar.show("x".repeat(100), 1);
  bar.end();
  bar.end();
  expect(paper.written).toEqual([
    `\r[${".".repeat(24)}] found a\x1b[K`,
    `\r[${"#".repeat(12)}${".".repeat(12)}] 50 %, fetched b\x1b[K`,
    `\r[${"#".repeat(24)}] ${"x".repeat(32)}\x1b[K`,
    "\r\x1b[K",
  ]);
});

test("a terminal without a width is taken for one of 80 columns", () => {
  const paper = new Paper(true, 0);
  new ProgressBar(paper).show("x".repeat(100));
  expect(paper.written).toEqual([`\r[${".".repeat(24)}] ${"x".repeat(52)}\x1b[K`]);
});

test("anything else gets a line now and then, and at each tenth", () => {
  const paper = new Paper(false);
  let now = 0;
  const bar = new ProgressBar(paper, () => now);
  bar.show("found a");
  bar.show("found b");
  now = 5_000;
  bar.show("found c");
  bar.show("10 %", 0.1);
  bar.show("15 %", 0.15);
  bar.show("20 %", 0.2);
  now = 9_999;
  bar.show("21 %", 0.21);
  now = 10_000;
  bar.show("20 %", 0.2);
  bar.show("22 %", 0.22);
  bar.end();
  expect(paper.written.join("")).toBe("found a\nfound c\n10 %\n20 %\n22 %\n");
});
