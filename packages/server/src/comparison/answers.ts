/** A model's good answer as it came. */
export interface GivenAnswer {
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** What a model says about one record. */
export interface Prediction {
  /** A class, in one form for `1`, `1.0` and `"1"`. */
  readonly label?: string;
  /** A number: a probability, or the value itself. */
  readonly score?: number;
  /** A number for each class. */
  readonly scores?: readonly number[];
}

/** Where answers of built-in algorithms, frameworks and common handlers have a class, in the order they are looked for. */
const labelFields = ["predicted_label", "closest_cluster", "label", "predicted_class", "class", "prediction"];
const scoreFields = ["score", "scores", "probability", "probabilities", "predicted_probability", "value"];
const listFields = ["predictions", "instances", "outputs"];

/**
 * What an answer says of each record, whatever form it has: JSON of the built-in algorithms (`{"predictions": [...]}`),
 * plain JSON, JSON lines, or CSV with a line for each record.
 * @param records - How many there should be, where known: `0.1,0.9` may be two records, or two classes of one.
 * @returns `undefined` for an answer that is none of these.
 */
export function readPredictions(answer: GivenAnswer, records?: number): Prediction[] | undefined {
  const values = parseAnswer(answer);
  if (values === undefined) return undefined;
  // One CSV line, or one JSON array, of as many numbers as there are records.
  const [only] = values;
  const isSpread = values.length === 1 && Array.isArray(only) && only.length === records;
  const predictions = (isSpread ? only : values).map((value: unknown) => predictionOf(value));
  return predictions.every((each) => each !== undefined) ? predictions : undefined;
}

/** One value for each record: of JSON lines and CSV by line, of JSON by element. */
export function parseAnswer({ contentType, body }: GivenAnswer): unknown[] | undefined {
  const text = body.toString("utf8").trim();
  if (text === "") return [];
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/jsonlines" || type === "application/x-jsonlines") return parseLines(text, parseJson);
  if (type !== "text/csv") {
    const value = parseJson(text);
    if (value !== undefined) return recordsOf(value);
    if (type === "application/json") return undefined;
  }
  return isPrintable(text) ? parseLines(text, parseRow) : undefined;
}

function parseLines(text: string, parse: (line: string) => unknown): unknown[] | undefined {
  const values = text.split(/\r?\n/u).flatMap((line) => (line.trim() === "" ? [] : [parse(line)]));
  return values.includes(undefined) ? undefined : values;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseRow(line: string): unknown {
  const cells = line.split(",").map((cell) => {
    const bare = cell.trim().replace(/^"(.*)"$/u, "$1");
    return bare !== "" && Number.isFinite(Number(bare)) ? Number(bare) : bare;
  });
  return cells.length === 1 ? cells[0] : cells;
}

/** Bytes that are no text come out of UTF-8 as replacement characters, or have control characters. */
function isPrintable(text: string): boolean {
  return !/[\u0000-\u0008\u000e-\u001f\ufffd]/u.test(text);
}

function recordsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [value];
  for (const field of listFields) {
    const list = (value as Record<string, unknown>)[field];
    if (Array.isArray(list)) return list;
  }
  return [value];
}

function predictionOf(value: unknown): Prediction | undefined {
  if (typeof value === "number") return { score: value };
  if (typeof value === "string" || typeof value === "boolean") return { label: labelText(value) };
  if (isNumbers(value)) return value.length === 1 ? { score: value[0] as number } : { scores: value };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const label = labelFields.map((field) => fields[field]).find(isScalar);
  const score = scoreFields.map((field) => fields[field]).find((each) => typeof each === "number" || isNumbers(each));
  if (label === undefined && score === undefined) return undefined;
  return {
    ...(label !== undefined && { label: labelText(label) }),
    ...(typeof score === "number" && { score }),
    ...(isNumbers(score) && { scores: score }),
  };
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "number");
}

/** `1`, `1.0`, `"1"` and `"1.0"` are one class; so are `true` and 1, as Python has it. */
export function labelText(value: string | number | boolean): string {
  const text = typeof value === "boolean" ? String(Number(value)) : String(value).trim();
  return text !== "" && Number.isFinite(Number(text)) ? String(Number(text)) : text;
}

/** The class that a prediction stands for. @param threshold - Scores of two classes from here on are class 1. */
export function labelOf(
  { label, score, scores }: Prediction,
  isBinary: boolean,
  threshold: number,
): string | undefined {
  if (label !== undefined) return label;
  if (scores !== undefined) {
    if (isBinary && scores.length === 2) return (scores[1] as number) >= threshold ? "1" : "0";
    return String(scores.indexOf(Math.max(...scores)));
  }
  if (score === undefined) return undefined;
  return isBinary && score >= 0 && score <= 1 ? (score >= threshold ? "1" : "0") : labelText(score);
}

/** How sure a prediction is of class 1, where it says so. */
export function scoreOf({ score, scores }: Prediction): number | undefined {
  return score ?? (scores?.length === 2 ? scores[1] : undefined);
}
