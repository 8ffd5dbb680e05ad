import { Readable } from "node:stream";
import { ServiceError } from "../../errors.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import type { AsyncRequest, Place } from "./async-request.ts";
import { uriOf } from "./notification.ts";

/** Largest input, as SageMaker has it. */
export const maxInputBytes = 1024 ** 3;

/** An input that will never be readable. The message is for whoever sent the request. */
export class InputFault extends Error {
  override readonly name = "InputFault";
}

/** A request's input, not opened yet. */
export interface ModelInput {
  readonly sizeBytes: number;
  open(): Promise<Readable>;
}

/** Finds a request's input. @throws InputFault. */
export async function findInput(
  objects: ObjectCatalogue,
  { input }: AsyncRequest,
  account: string,
): Promise<ModelInput> {
  if ("inline" in input) {
    const bytes = Buffer.from(input.inline, "base64");
    return { sizeBytes: bytes.length, open: async () => Readable.from([bytes]) };
  }
  // Anybody's request must not read what another account has.
  const isOurs = await objects.hasBucket(input.bucket, account);
  const entry = isOurs ? await objects.head(input.bucket, input.key) : undefined;
  if (entry === undefined) throw new InputFault(`The input ${uriOf(input)} does not exist.`);
  if (entry.sizeBytes > maxInputBytes) {
    throw new InputFault(
      `The input ${uriOf(input)} has ${entry.sizeBytes} bytes; at most ${maxInputBytes} are allowed.`,
    );
  }
  return { sizeBytes: entry.sizeBytes, open: () => read(objects, input) };
}

async function read(objects: ObjectCatalogue, place: Place): Promise<Readable> {
  try {
    return await objects.read(place.bucket, place.key);
  } catch (error) {
    // Deleted since it was found.
    if (error instanceof ServiceError)
      throw new InputFault(`The input ${uriOf(place)} cannot be read: ${error.message}`);
    throw error;
  }
}
