import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { writeFileDurably } from "../../durable/durable-files.ts";

/** One object of a job's input. */
export interface InputObject {
  readonly bucket: string;
  readonly key: string;
  /** What its output's key has behind S3OutputPath, without `.out`. */
  readonly name: string;
}

/**
 * Keeps the list of a job's objects as it was when the job began, so that a new server goes on with the same ones, whatever was
 * stored meanwhile: the job's own outputs may lie below its input's prefix.
 */
export async function keepInputList(path: string, objects: readonly InputObject[]): Promise<void> {
  const text = objects.map(({ bucket, key, name }) => `${JSON.stringify([bucket, key, name])}\n`).join("");
  await writeFileDurably(path, text);
}

/** The objects that were kept, in their order. */
export async function readInputList(path: string): Promise<InputObject[]> {
  const objects: InputObject[] = [];
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const [bucket, key, name] = JSON.parse(line) as [string, string, string];
    objects.push({ bucket, key, name });
  }
  return objects;
}
