import { isDigest } from "./digest.ts";
import { RegistryError } from "./registry-error.ts";
import type { BlobDescriptor } from "./registry-records.ts";

/** The largest manifest, as ECR has it. */
export const LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Media types of manifests, and whether they list other manifests. */
const manifestTypes: Readonly<Record<string, "image" | "index">> = {
  "application/vnd.docker.distribution.manifest.v2+json": "image",
  "application/vnd.docker.distribution.manifest.list.v2+json": "index",
  "application/vnd.oci.image.manifest.v1+json": "image",
  "application/vnd.oci.image.index.v1+json": "index",
};

/** Layers that are fetched from elsewhere and are in no registry (Windows base images). */
const foreignLayer = /(?:\.foreign\.|nondistributable)/;

/** What a manifest says, as far as a registry must know. */
export interface ManifestContent {
  readonly mediaType: string;
  /** Configuration first, then layers from the lowest. */
  readonly blobs: readonly BlobDescriptor[];
  /** Digests that an index lists. */
  readonly manifests: readonly string[];
  readonly subject?: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads a manifest.
 * @param contentType - What the client called it; the manifest's own word must be the same.
 * @throws RegistryError `MANIFEST_INVALID`.
 */
export function parseManifest(content: Uint8Array, contentType: string | undefined): ManifestContent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(content).toString("utf8"));
  } catch (cause) {
    throw new RegistryError("MANIFEST_INVALID", "The manifest is not JSON.", { cause });
  }
  const manifest = asObject(parsed, "The manifest");
  const own = typeof manifest["mediaType"] === "string" ? manifest["mediaType"] : undefined;
  const called = contentType?.split(";")[0]?.trim();
  const mediaType = own ?? called ?? "";
  if (own !== undefined && called !== undefined && own !== called) {
    throw new RegistryError("MANIFEST_INVALID", `The manifest says ${own}, and the request's Content-Type ${called}.`);
  }
  const form = Object.hasOwn(manifestTypes, mediaType) ? manifestTypes[mediaType] : undefined;
  if (form === undefined || manifest["schemaVersion"] !== 2) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      `Manifests of the type "${mediaType}" with schemaVersion ${String(manifest["schemaVersion"])} are not supported.`,
    );
  }
  return { mediaType, ...(form === "image" ? readImage(manifest) : readIndex(manifest)), ...readAbout(manifest) };
}

type Json = Readonly<Record<string, unknown>>;

function readImage(manifest: Json): Pick<ManifestContent, "blobs" | "manifests"> {
  const config = readDescriptor(manifest["config"], "config");
  const layers = asList(manifest["layers"], "layers")
    .filter((layer) => !foreignLayer.test(String(asObject(layer, "A layer")["mediaType"])))
    .map((layer, at) => readDescriptor(layer, `layers[${at}]`));
  return { blobs: [config, ...layers], manifests: [] };
}

function readIndex(manifest: Json): Pick<ManifestContent, "blobs" | "manifests"> {
  const listed = asList(manifest["manifests"], "manifests");
  return { blobs: [], manifests: listed.map((each, at) => readDescriptor(each, `manifests[${at}]`).digest) };
}

function readAbout(manifest: Json): Pick<ManifestContent, "subject" | "artifactType" | "annotations"> {
  const subject = manifest["subject"] === undefined ? undefined : readDescriptor(manifest["subject"], "subject");
  const config = manifest["config"] as { mediaType?: unknown } | undefined;
  const artifactType = [manifest["artifactType"], config?.mediaType].find(
    (type) => typeof type === "string" && type !== "",
  );
  const annotations = manifest["annotations"];
  return {
    ...(subject && { subject: subject.digest }),
    ...(artifactType !== undefined && { artifactType: artifactType as string }),
    ...(annotations !== undefined && { annotations: asObject(annotations, "annotations") as Record<string, string> }),
  };
}

function readDescriptor(value: unknown, what: string): BlobDescriptor {
  const { digest, size } = asObject(value, what);
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw new RegistryError("MANIFEST_INVALID", `${what} has no SHA-256 digest, but ${JSON.stringify(digest)}.`);
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw new RegistryError("MANIFEST_INVALID", `${what} has no size, but ${JSON.stringify(size)}.`);
  }
  return { digest, sizeBytes: size as number };
}

function asObject(value: unknown, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new RegistryError("MANIFEST_INVALID", `${what} is not a JSON object.`);
}

function asList(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new RegistryError("MANIFEST_INVALID", `${what} is not a list.`);
}
