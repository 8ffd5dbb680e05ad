/** Where a bar is drawn: a terminal, or anything that takes lines. */
export interface Drawing {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const width = 24;
const usualColumns = 80;
/** Where there is no terminal, a line follows the last one after as much progress, or as much time. */
const lineShare = 0.1;
const lineMillis = 5_000;

/** Progress of one long task: a bar that is drawn over itself on a terminal, a few plain lines anywhere else. */
export class ProgressBar {
  readonly #out: Drawing;
  readonly #now: () => number;
  #drawn = "";
  #share = -1;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(out: Drawing, now: () => number = Date.now) {
    this.#out = out;
    this.#now = now;
  }

  /** @param share - 0 to 1; absent while nobody knows how much there is to do. */
  show(text: string, share?: number): void {
    if (this.#out.isTTY) this.#draw(text, share);
    else this.#say(text, share);
  }

  /** Takes the bar away; lines stay. */
  end(): void {
    if (this.#out.isTTY && this.#drawn !== "") this.#out.write("\r\x1b[K");
    this.#drawn = "";
  }

  #draw(text: string, share: number | undefined): void {
    const full = Math.round((share ?? 0) * width);
    const bar = `[${"#".repeat(full)}${".".repeat(width - full)}] ${text}`;
    // A line that wraps could not be drawn over. A terminal that does not know its width says 0.
    const { columns = 0 } = this.#out;
    const line = bar.slice(0, (columns > 0 ? columns : usualColumns) - 1);
    if (line === this.#drawn) return;
    this.#drawn = line;
    this.#out.write(`\r${line}\x1b[K`);
  }

  #say(text: string, share: number | undefined): void {
    const isFurther = share !== undefined && share - this.#share >= lineShare;
    if (text === this.#drawn || (!isFurther && this.#now() - this.#saidAt < lineMillis)) return;
    this.#drawn = text;
    this.#share = share ?? this.#share;
    this.#saidAt = this.#now();
    this.#out.write(`${text}\n`);
  }
}
