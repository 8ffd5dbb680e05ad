import type { Layer, LayerFailure } from "@aws-sdk/client-ecr";
import { isDigest } from "../../registry/digest.ts";
import { RegistryError } from "../../registry/registry-error.ts";
import { ecrError, layersNotFound } from "./errors.ts";
import { getRepository, nameOf } from "./get-repository.ts";
import type { EcrOperation, EcrOperations } from "./operation.ts";
import { blobPurpose } from "./registry-tokens.ts";

/** Told to clients; parts of any size are taken. */
const partSize = 10 * 1024 * 1024;
const downloadLifeMs = 3600_000;

/** Which layers are there already, so that only the others need be sent. */
const batchCheckLayerAvailability: EcrOperation<"BatchCheckLayerAvailability"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const layers: Layer[] = [];
  const failures: LayerFailure[] = [];
  for (const layerDigest of input.layerDigests) {
    if (!isDigest(layerDigest)) {
      failures.push({
        layerDigest,
        failureCode: "InvalidLayerDigest",
        failureReason: "The digest is not a SHA-256 digest",
      });
      continue;
    }
    const bytes = await parts.registry.blobs.findAndKeep(repository, layerDigest);
    layers.push({
      layerDigest,
      layerAvailability: bytes ? "AVAILABLE" : "UNAVAILABLE",
      ...(bytes && { layerSize: bytes.sizeBytes }),
    });
  }
  return { layers, failures };
};

const initiateLayerUpload: EcrOperation<"InitiateLayerUpload"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  return { uploadId: await parts.registry.uploads.begin(repository), partSize };
};

const uploadLayerPart: EcrOperation<"UploadLayerPart"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { uploadId, partFirstByte, partLastByte, layerPartBlob } = input;
  const invalidPart = (message: string, lastByte: number) =>
    ecrError("InvalidLayerPartException", message, {
      ...nameOf(repository),
      uploadId,
      lastValidByteReceived: lastByte,
    });
  if (partLastByte - partFirstByte + 1 !== layerPartBlob.byteLength) {
    throw invalidPart(`The part has ${layerPartBlob.byteLength} bytes, and its numbers are others.`, partFirstByte - 1);
  }
  try {
    const size = await parts.registry.uploads.append(repository, uploadId, inOnePiece(layerPartBlob), partFirstByte);
    return { ...nameOf(repository), uploadId, lastByteReceived: size - 1 };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.code !== "RANGE_INVALID") throw uploadNotFound(uploadId, error);
    const { value } = await parts.registry.uploads.get(repository, uploadId);
    throw invalidPart(error.message, value.sizeBytes - 1);
  }
};

const completeLayerUpload: EcrOperation<"CompleteLayerUpload"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { uploadId } = input;
  const [layerDigest = ""] = input.layerDigests;
  try {
    const { value } = await parts.registry.uploads.get(repository, uploadId);
    if (value.sizeBytes === 0) throw ecrError("EmptyUploadException", `The upload '${uploadId}' has no bytes.`);
    await parts.registry.uploads.complete(repository, uploadId, layerDigest);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.code === "DIGEST_INVALID") throw ecrError("InvalidLayerException", error.message);
    throw uploadNotFound(uploadId, error);
  }
  return { ...nameOf(repository), uploadId, layerDigest };
};

/** An address of the layer that is good for an hour and for that layer alone. */
const getDownloadUrlForLayer: EcrOperation<"GetDownloadUrlForLayer"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { layerDigest } = input;
  const { place, name } = repository;
  if (!(await parts.registry.blobs.find(repository, layerDigest)))
    throw layersNotFound(layerDigest, name, place.account);
  const expiresAt = context.platform.clock.now() + downloadLifeMs;
  const token = parts.tokens.issue({ ...place, expiresAt }, blobPurpose(name, layerDigest));
  return { downloadUrl: `${context.publicUrl}/v2/${name}/blobs/${layerDigest}?token=${token}`, layerDigest };
};

function uploadNotFound(uploadId: string, cause: RegistryError): Error {
  const error = ecrError("UploadNotFoundException", `The upload '${uploadId}' could not be found: ${cause.message}`);
  error.cause = cause;
  return error;
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  // A copy: what an upload takes in, it gives back to the system.
  yield Uint8Array.from(bytes);
}

/** Layers, as clients send them that do not speak the distribution API. */
export const layerOperations = {
  BatchCheckLayerAvailability: batchCheckLayerAvailability,
  CompleteLayerUpload: completeLayerUpload,
  GetDownloadUrlForLayer: getDownloadUrlForLayer,
  InitiateLayerUpload: initiateLayerUpload,
  UploadLayerPart: uploadLayerPart,
} satisfies EcrOperations;
