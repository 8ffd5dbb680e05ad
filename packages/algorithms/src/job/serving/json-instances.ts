import { RequestError } from "../errors.ts";

/** The list of a JSON body. @throws RequestError 400 when there is none. */
export function instancesOf(value: unknown): readonly unknown[] {
  const instances = typeof value === "object" && value !== null && "instances" in value ? value.instances : undefined;
  if (Array.isArray(instances) && instances.length > 0) return instances;
  throw new RequestError(400, 'The body must be a JSON object with a list "instances" of at least one instance.');
}

/** One value for each line that is not blank. @throws RequestError 400 that names the line. */
export function parseLines(text: string): unknown[] {
  const instances = text
    .split("\n")
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== "")
    .map(({ line, number }) => parseJson(line, `Line ${number}`));
  if (instances.length === 0) throw new RequestError(400, "The body has no rows.");
  return instances;
}

/** @param what - To begin the error with. @throws RequestError 400. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestError(400, `${what} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}
