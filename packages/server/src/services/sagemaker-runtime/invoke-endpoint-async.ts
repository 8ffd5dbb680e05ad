import { randomUUID } from "node:crypto";
import type * as sdk from "@aws-sdk/client-sagemaker-runtime";
import { parseS3Uri } from "../../objects/object-catalogue.ts";
import type { AsyncRequest, Place } from "../../serving/asynchronous/async-request.ts";
import { type AsyncSettings, type Folder, keyIn } from "../../serving/asynchronous/async-settings.ts";
import { uriOf } from "../../serving/asynchronous/notification.ts";
import { validationError } from "../../serving/invoke/model-errors.ts";
import type { Serving } from "../../serving/open-serving.ts";
import type { InputOf, OutputOf } from "../sdk-operations.ts";
import type { Handler } from "../service.ts";

type Input = Omit<InputOf<typeof sdk, "InvokeEndpointAsync">, "Body"> & { readonly Body?: Uint8Array };
type Output = OutputOf<typeof sdk, "InvokeEndpointAsync">;

/** Largest input that comes with the request itself. */
const maxInlineBytes = 128_000;
const defaultTtlSeconds = 21_600;
const defaultTimeoutSeconds = 900;

/**
 * InvokeEndpointAsync: the request is safe when this answers, and is sent to the model when an instance has room for it. The
 * answer appears in S3. It may reach the model twice where the server or an instance dies in between; its output is the same
 * object then.
 */
export function invokeEndpointAsync({
  routes,
  asynchronous,
}: Pick<Serving, "routes" | "asynchronous">): Handler<Input, Output> {
  return async (input, { scope, platform }) => {
    const name = { account: scope.account, region: scope.region, name: input.EndpointName };
    const route = routes.lookup(name) ?? (await routes.refresh(name));
    if (route === undefined) throw validationError(`Endpoint ${name.name} of account ${scope.account} not found.`);
    const settings = route.asynchronous;
    if (settings === undefined) {
      throw validationError(
        `Endpoint ${name.name} answers at once: its configuration has no AsyncInferenceConfig. Use InvokeEndpoint.`,
      );
    }
    const id = randomUUID();
    const inferenceId = input.InferenceId ?? randomUUID();
    const now = platform.clock.now();
    const places = placesOf(settings, input, id);
    const request: AsyncRequest = {
      ...{ endpoint: name.name, inferenceId, receivedAt: now, ...places, input: inputOf(input) },
      expiresAt: now + (input.RequestTTLSeconds ?? defaultTtlSeconds) * 1_000,
      timeoutMs: (input.InvocationTimeoutSeconds ?? defaultTimeoutSeconds) * 1_000,
      ...(input.ContentType !== undefined && { contentType: input.ContentType }),
      ...(input.Accept !== undefined && { accept: input.Accept }),
      ...(input.CustomAttributes !== undefined && { customAttributes: input.CustomAttributes }),
      ...(settings.encryption !== undefined && { encryption: settings.encryption }),
      ...(settings.successTopic !== undefined && { successTopic: settings.successTopic }),
      ...(settings.errorTopic !== undefined && { errorTopic: settings.errorTopic }),
      includesAnswer: settings.includesAnswer,
    };
    await asynchronous.add(name, route.runPrefix, id, request);
    return {
      InferenceId: inferenceId,
      OutputLocation: uriOf(places.output),
      ...(places.failure !== undefined && { FailureLocation: uriOf(places.failure) }),
    };
  };
}

/** Where the model's input is. @throws ServiceError ValidationError unless there is exactly one. */
function inputOf({ Body: body, InputLocation: location }: Input): AsyncRequest["input"] {
  const isInline = body !== undefined && body.length > 0;
  if (isInline === (location !== undefined)) {
    throw validationError("Exactly one of InputLocation and a body must be given.");
  }
  if (location === undefined) {
    if (body !== undefined && body.length <= maxInlineBytes) return { inline: Buffer.from(body).toString("base64") };
    throw validationError(
      `The body has ${body?.length} bytes; at most ${maxInlineBytes} are allowed. Use InputLocation for more.`,
    );
  }
  const place = parseS3Uri(location);
  if (place !== undefined && place.key !== "" && !place.key.endsWith("/")) return place;
  throw validationError(`InputLocation must be the address of an object, such as s3://bucket/key, not "${location}".`);
}

function placesOf(settings: AsyncSettings, input: Input, id: string): { output: Place; failure?: Place } {
  const extension = (input.S3OutputPathExtension ?? "").replaceAll(/^\/+|\/+$/gu, "");
  if (/s3:|https:/u.test(extension)) {
    throw validationError("S3OutputPathExtension is a path within S3OutputPath: it may not contain s3: or https:.");
  }
  const file = input.Filename;
  if (file !== undefined && !/^[^/.]*\.?[^/.]*$/u.test(file)) {
    throw validationError("Filename may have one dot and no slash.");
  }
  const within = (folder: Folder, name: string): Place => ({
    bucket: folder.bucket,
    key: keyIn(folder, extension === "" ? name : `${extension}/${name}`),
  });
  const places = { output: within(settings.output, file ?? `${id}.out`) };
  for (const { key } of Object.values(places)) {
    if (Buffer.byteLength(key) > 1_024) throw validationError("The output's key would have more than 1,024 bytes.");
  }
  if (settings.failure === undefined) return places;
  return { ...places, failure: within(settings.failure, file ?? `${id}-error.out`) };
}
