import type { Encryption } from "../../objects/object-records.ts";

/** How an endpoint answers later: AsyncInferenceConfig as a fleet has it. */
export interface AsyncSettings {
  readonly output: Folder;
  /** Where there is none, failed requests leave no object. */
  readonly failure?: Folder;
  /** What outputs are encrypted with; the bucket's default where absent. */
  readonly encryption?: Encryption;
  readonly successTopic?: string;
  readonly errorTopic?: string;
  /** Which notifications carry the model's answer. */
  readonly includesAnswer: { readonly success: boolean; readonly error: boolean };
  /** Most requests in one instance at once. */
  readonly concurrency: number;
  /** AsyncInferenceConfig as it was given, for descriptions. */
  readonly given: unknown;
}

/** A folder in S3. */
export interface Folder {
  readonly bucket: string;
  /** Without slashes at its ends; empty for the bucket itself. */
  readonly prefix: string;
}

/** Where SageMaker picks a number by itself: enough to keep a model busy while inputs and outputs are on their way. */
export const defaultConcurrency = 4;

/** The key of a file in a folder. */
export function keyIn({ prefix }: Folder, name: string): string {
  return prefix === "" ? name : `${prefix}/${name}`;
}
