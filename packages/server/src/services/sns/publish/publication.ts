import type { MessageAttribute } from "../delivery/delivery-record.ts";
import { invalidParameter } from "../errors.ts";
import type { SnsInput } from "../operation.ts";

/** A message with its attributes may have this many bytes. */
export const maxMessageBytes = 256 * 1024;

/** A message that was checked. `message` is what HTTP subscribers get. */
export interface Publication {
  readonly message: string;
  readonly subject?: string;
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
}

type Given = Pick<
  SnsInput<"Publish">,
  "Message" | "Subject" | "MessageStructure" | "MessageAttributes" | "MessageDeduplicationId"
>;

/** @throws ServiceError InvalidParameter. */
export function readPublication(input: Given): Publication {
  const { Message: given, Subject: subject, MessageStructure: structure } = input;
  if (given === "") throw invalidParameter("Empty message");
  if (input.MessageDeduplicationId !== undefined) {
    throw invalidParameter(
      "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
  }
  if (subject !== undefined && !/^(?! )[\x20-\x7e]{1,100}$/u.test(subject)) throw invalidParameter("Subject");
  if (structure !== undefined && structure !== "json") throw invalidParameter("MessageStructure");
  const attributes = readAttributes(input.MessageAttributes ?? {});
  if (sizeOf(given, attributes) > maxMessageBytes) throw invalidParameter("Message too long");
  return {
    message: structure === "json" ? messageForHttp(given) : given,
    ...(subject !== undefined && { subject }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}

/** Bytes of a message and its attributes. */
export function sizeOf(message: string, attributes: Readonly<Record<string, MessageAttribute>> = {}): number {
  const others = Object.entries(attributes).map(([name, { type, value }]) => name + type + value);
  return [message, ...others].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Of texts by protocol the one for HTTP, else the one for all. */
function messageForHttp(text: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const byProtocol = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  if (typeof byProtocol["default"] !== "string") {
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  }
  const own = byProtocol["http"] ?? byProtocol["https"];
  return typeof own === "string" ? own : byProtocol["default"];
}

type GivenAttributes = NonNullable<SnsInput<"Publish">["MessageAttributes"]>;

function readAttributes(given: GivenAttributes): Record<string, MessageAttribute> {
  const read = ([name, { DataType, StringValue, BinaryValue }]: [string, GivenAttributes[string]]) => {
    if (!/^(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/u.test(name))
      throw invalidParameter(`MessageAttributes Reason: the name ${name}`);
    const kind = DataType.split(".", 1)[0];
    const value = kind === "Binary" ? BinaryValue && Buffer.from(BinaryValue).toString("base64") : StringValue;
    if (!["String", "Number", "Binary"].includes(kind ?? "")) {
      throw invalidParameter(
        `MessageAttributes Reason: The type ${DataType} of ${name} is not String, Number or Binary`,
      );
    }
    if (value === undefined || value === "") {
      throw invalidParameter(`MessageAttributes Reason: ${name} has no value of its type ${DataType}`);
    }
    if (kind === "Number" && !Number.isFinite(Number(value))) {
      throw invalidParameter(`MessageAttributes Reason: ${name} is no number: ${value}`);
    }
    return [name, { type: DataType, value }] as const;
  };
  return Object.fromEntries(Object.entries(given).map(read));
}
