import { ServiceError } from "../../errors.ts";
import type { SendOutcome } from "../invoke/send.ts";

/**
 * What a front tells the invoker of an answer, in one header: fronts and invokers may live in different processes. The
 * invoker looks for it only behind fronts, which let no header of that name through from a container.
 */
export const frontHeader = "x-sagebrush-front";
/** What an invoker tells a front of a request: milliseconds for the whole answer, and bytes that are kept of it. */
export const invocationHeader = "x-sagebrush-invocation";
/** Which of several containers is asked, by its name. */
export const targetContainerHeader = "x-amzn-sagemaker-target-container-hostname";
/** Which of the models behind a multi-model endpoint is asked. */
export const targetModelHeader = "x-amzn-sagemaker-target-model";

/** Why there is no good answer. */
export type FrontNote =
  /** The answer is a container's own, with its own status, or there is none of it. */
  | { readonly container: string; readonly outcome: "answered" | "refused" | "broken" | "timeout" }
  /** The front refused the request. */
  | { readonly error: string; readonly status: number; readonly message: string };

/** The note as a header's value. */
export function noteText(note: FrontNote): string {
  return encodeURIComponent(JSON.stringify(note));
}

/** What came of a request to a front: as from a lone container, with the name of the one that failed. */
export type FrontOutcome = SendOutcome & { readonly container?: string };

/**
 * Reads a front's answer as what it stands for.
 * @throws ServiceError what the front refused the request with.
 */
export function readFrontOutcome(outcome: SendOutcome): FrontOutcome {
  if (outcome.kind !== "answered") return outcome;
  const text = headerOf(outcome.headers, frontHeader);
  if (text === undefined) return outcome;
  const note = JSON.parse(decodeURIComponent(text)) as FrontNote;
  if ("error" in note) throw new ServiceError(note.error, note.message, { status: note.status });
  const { container } = note;
  const cause = new Error(`of container ${container}`);
  switch (note.outcome) {
    case "answered":
      return { ...outcome, container };
    case "timeout":
      return { kind: "timeout", container };
    case "refused":
      return { kind: "refused", cause, container };
    case "broken":
      return { kind: "broken", cause, sawBytes: true, container };
  }
}

/** Of names in lower case and values, in turn. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}
