import { randomUUID } from "node:crypto";
import type { CaptureSettings } from "./capture-settings.ts";

/** One request and its answer, as they were. */
export interface Exchange {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The same for a request and its copy to a shadow variant. */
  readonly eventId: string;
  readonly inferenceId: string | undefined;
  readonly input: Side;
  readonly output: Side;
}

/** One direction. */
export interface Side {
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** The line that SageMaker writes of an exchange: JSON, with a line feed. */
export function captureLine({ at, eventId, inferenceId, input, output }: Exchange, settings: CaptureSettings): string {
  const captureData = {
    ...(settings.input && { endpointInput: sideOf(input, "INPUT", settings) }),
    ...(settings.output && { endpointOutput: sideOf(output, "OUTPUT", settings) }),
  };
  const eventMetadata = {
    eventId,
    ...(inferenceId !== undefined && { inferenceId }),
    inferenceTime: new Date(at).toISOString().replace(/\.\d{3}Z$/u, "Z"),
  };
  return `${JSON.stringify({ captureData, eventMetadata, eventVersion: "0" })}\n`;
}

function sideOf({ contentType, body }: Side, mode: "INPUT" | "OUTPUT", { csvTypes, jsonTypes }: CaptureSettings) {
  const encoding = encodingOf(contentType, csvTypes, jsonTypes);
  return {
    ...(contentType !== undefined && { observedContentType: contentType }),
    mode,
    data: body.toString(encoding === "BASE64" ? "base64" : "utf8"),
    encoding,
  };
}

/** Parameters of a content type (`; charset=utf-8`) do not count. */
function encodingOf(contentType: string | undefined, csv: readonly string[], json: readonly string[]) {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (csv.some((each) => each.toLowerCase() === type)) return "CSV";
  return json.some((each) => each.toLowerCase() === type) ? "JSON" : "BASE64";
}

/** `<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl`, in UTC. */
export function captureKey(prefix: string, endpoint: string, variant: string, at: number): string {
  const [day = "", time = ""] = new Date(at).toISOString().split("T");
  const [hour, minute, second = ""] = time.split(":");
  const name = `${minute}-${second.slice(0, 2)}-${second.slice(3, 6)}-${randomUUID()}.jsonl`;
  return [...(prefix === "" ? [] : [prefix]), endpoint, variant, day.replaceAll("-", "/"), hour, name].join("/");
}
