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

/** Values that lines hold, and the definitions that took too long and must not be tried again. */
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
  #line = 0;
  #pattern = 0;
  #onlyOne = false;

  match(lines: readonly string[], definitions: readonly MetricDefinition[]): Matched {
    this.#patterns = definitions.flatMap(compile);
    this.#lines = lines;
    this.#matches = [];
    this.#line = 0;
    this.#pattern = 0;
    const slow: string[] = [];
    while (this.#line < lines.length && this.#patterns.length > 0) {
      this.#onlyOne = false;
      if (this.#run(batchMillis)) break;
      // The pair that was under way gets a try of its own: the machine may just have been busy.
      this.#onlyOne = true;
      if (this.#run(pairMillis)) continue;
      const [culprit] = this.#patterns.splice(this.#pattern, 1);
      slow.push((culprit as Pattern).name);
      if (this.#pattern >= this.#patterns.length) this.#nextLine();
    }
    return { matches: this.#matches, slow };
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
        this.#try(text, this.#patterns[this.#pattern] as Pattern);
        this.#pattern++;
        if (this.#onlyOne) {
          if (this.#pattern >= this.#patterns.length) this.#nextLine();
          return;
        }
      }
      this.#nextLine();
    }
  }

  #nextLine(): void {
    this.#line++;
    this.#pattern = 0;
  }

  #try(text: string, { name, regex, opening, escapesTabs }: Pattern): void {
    const line = escapesTabs ? text.replaceAll("\t", "#011") : text;
    if (opening !== "" && !line.includes(opening)) return;
    const value = Number.parseFloat(regex.exec(line.slice(0, matchedCharacters))?.[1] ?? "");
    if (Number.isFinite(value)) this.#matches.push({ line: this.#line, name, value });
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
