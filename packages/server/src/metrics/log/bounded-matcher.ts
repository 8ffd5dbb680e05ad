import { createContext, Script } from "node:vm";
import type { MetricDefinition } from "../log-metrics.ts";
import { literalOpening, pythonRegex, UnsupportedRegex } from "../python-regex.ts";

/** Characters of a line that are looked at. */
export const matchedCharacters = 16_384;
/** What one line may take one expression. */
const pairMillis = 250;
/** What some hundred lines may take all of them before the culprit is looked for. */
const batchMillis = 1_000;

/** A value that a line holds. */
export interface Match {
  readonly line: number;
  readonly name: string;
  readonly value: number;
}

interface Pattern {
  readonly name: string;
  readonly regex: RegExp;
  readonly opening: string;
  /** Written for the logs as SageMaker shows them, where a tab is `#011`. */
  readonly escapesTabs: boolean;
}

/** Values that lines hold, and the definitions that took too long or too much and must not be tried again. */
export interface Matched {
  readonly matches: readonly Match[];
  readonly slow: readonly string[];
}

/**
 * Applies metric definitions to lines. A regular expression of somebody else's may take for ever: V8 ends it from outside
 * when its time is over. Not for the thread that answers requests, which would stand still meanwhile.
 */
export class BoundedMatcher {
  readonly #script = new Script("scan()");
  readonly #context = createContext({ scan: () => this.#scan() });
  #patterns: Pattern[] = [];
  #lines: readonly string[] = [];
  #matches: Match[] = [];
  #slow: string[] = [];
  #line = 0;
  #pattern = 0;
  #onlyOne = false;

  match(lines: readonly string[], definitions: readonly MetricDefinition[]): Matched {
    this.#patterns = definitions.flatMap(compile);
    this.#lines = lines;
    this.#matches = [];
    this.#line = 0;
    this.#pattern = 0;
    this.#slow = [];
    while (this.#line < lines.length && this.#patterns.length > 0) {
      this.#onlyOne = false;
      if (this.#run(batchMillis)) break;
      // The pair that was under way gets a try of its own: the machine may just have been busy.
      this.#onlyOne = true;
      if (this.#run(pairMillis)) continue;
      this.#drop();
      if (this.#pattern >= this.#patterns.length) this.#nextLine();
    }
    return { matches: this.#matches, slow: this.#slow };
  }

  /** @returns Whether it ended in time. */
  #run(timeout: number): boolean {
    try {
      this.#script.runInContext(this.#context, { timeout });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return false;
      throw error;
    }
  }

  /** Goes on where it was; with `#onlyOne`, one pair further. */
  #scan(): void {
    while (this.#line < this.#lines.length) {
      const text = this.#lines[this.#line] as string;
      while (this.#pattern < this.#patterns.length) {
        if (this.#try(text, this.#patterns[this.#pattern] as Pattern)) this.#pattern++;
        else this.#drop();
        if (this.#onlyOne) {
          if (this.#pattern >= this.#patterns.length) this.#nextLine();
          return;
        }
      }
      this.#nextLine();
    }
  }

  /** Gives up the pattern at hand; the next one takes its place. */
  #drop(): void {
    const [culprit] = this.#patterns.splice(this.#pattern, 1);
    this.#slow.push((culprit as Pattern).name);
  }

  #nextLine(): void {
    this.#line++;
    this.#pattern = 0;
  }

  /** @returns Whether the expression can be used at all: some are too large once they are compiled. */
  #try(text: string, { name, regex, opening, escapesTabs }: Pattern): boolean {
    const line = escapesTabs ? text.replaceAll("\t", "#011") : text;
    if (opening !== "" && !line.includes(opening)) return true;
    try {
      const value = Number.parseFloat(regex.exec(line.slice(0, matchedCharacters))?.[1] ?? "");
      if (Number.isFinite(value)) this.#matches.push({ line: this.#line, name, value });
      return true;
    } catch {
      // Not for the end of the time, which nothing catches: V8 refuses the expression, or runs out of stack on the line.
      return false;
    }
  }
}

const compiled = new Map<string, RegExp | undefined>();
/** Expressions that are kept compiled. */
const maxCompiled = 2_000;

function compile({ name, regex: source }: MetricDefinition): Pattern[] {
  if (!compiled.has(source)) {
    if (compiled.size >= maxCompiled) compiled.clear();
    compiled.set(source, tryCompile(source));
  }
  const regex = compiled.get(source);
  return regex ? [{ name, regex, opening: literalOpening(regex), escapesTabs: source.includes("#011") }] : [];
}

function tryCompile(source: string): RegExp | undefined {
  try {
    return pythonRegex(source);
  } catch (error) {
    // CreateTrainingJob refuses what does not compile; a definition stored by an older version is left out.
    if (error instanceof UnsupportedRegex) return undefined;
    throw error;
  }
}
