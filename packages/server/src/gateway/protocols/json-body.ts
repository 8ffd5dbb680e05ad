import type { ServiceError } from "../../errors.ts";
import type { Protocol } from "../../services/service.ts";
import { refuse } from "../errors.ts";
import type { Codecs, Shape } from "../schemas.ts";
import { tooMuch } from "./json-size.ts";
import { wrongType } from "./json-types.ts";

/** Reads JSON into the model's types with the SDK's codec. */
export interface JsonBody {
  read(shape: Shape, bytes: Buffer, protocol: Protocol): unknown;
  write(shape: Shape, value: unknown): Uint8Array;
}

/** @param jsonName - REST-JSON renames members by a trait; AWS JSON does not. */
export function jsonBody({ JsonCodec2 }: Codecs, jsonName: boolean): JsonBody {
  const codec = new JsonCodec2({ timestampFormat: { useTrait: true, default: 7 }, jsonName });
  const serializer = codec.createSerializer();
  const deserializer = codec.createDeserializer() as ReturnType<typeof codec.createDeserializer> & {
    readObject(schema: Shape, value: unknown): unknown;
  };
  return {
    read(shape, bytes, protocol) {
      const excess = tooMuch(bytes);
      if (excess !== undefined) throw refuse(protocol, "tooLarge", excess);
      const value = parse(bytes, protocol);
      const wrong = wrongType(shape, value);
      if (wrong !== undefined) throw refuse(protocol, "unparsable", wrong);
      try {
        return deserializer.readObject(shape, value);
      } catch (cause) {
        throw unparsable(protocol, `The body does not hold the operation's input: ${(cause as Error).message}`, cause);
      }
    },
    write(shape, value) {
      serializer.write(shape, value ?? {});
      return serializer.flush();
    },
  };
}

function parse(bytes: Buffer, protocol: Protocol): unknown {
  if (bytes.length === 0) return {};
  try {
    // A body of `null` is an input without members.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) ?? {};
  } catch (cause) {
    throw unparsable(protocol, "The body is not valid JSON.", cause);
  }
}

function unparsable(protocol: Protocol, message: string, cause: unknown): ServiceError {
  const error = refuse(protocol, "unparsable", message);
  error.cause = cause;
  return error;
}

/** The name a modelled error gives its message: `Message` in SageMaker, `message` elsewhere. */
export function messageMember(shape: Shape | undefined): string {
  if (shape) for (const [name] of shape.structIterator()) if (name.toLowerCase() === "message") return name;
  return "message";
}
