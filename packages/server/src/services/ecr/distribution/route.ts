import { isDigest } from "../../../registry/digest.ts";
import type { ManifestName } from "../../../registry/manifests.ts";
import { RegistryError } from "../../../registry/registry-error.ts";

/** What a path below `/v2/` names. */
export type Route =
  | { readonly kind: "version" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly name: string }
  | { readonly kind: "manifest"; readonly name: string; readonly reference: ManifestName }
  | { readonly kind: "blob"; readonly name: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly name: string }
  | { readonly kind: "upload"; readonly name: string; readonly uploadId: string }
  | { readonly kind: "referrers"; readonly name: string; readonly digest: string };

/** ECR's form of a repository name; narrower than the specification's. */
const nameForm = /^(?=.{2,256}$)[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const longestPath = 1000;

/** Whether a repository can have this name. */
export function isRepositoryName(name: string): boolean {
  // The form alone could try many ways to divide a long text of dashes.
  return name.length <= 256 && nameForm.test(name);
}

/**
 * Reads a path below `/v2/`, whose repository names may have slashes.
 * @throws RegistryError `NAME_INVALID`, `DIGEST_INVALID`, `TAG_INVALID`, `UNSUPPORTED` for what is no address of the API.
 */
export function parseRoute(path: string): Route {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (cause) {
    throw new RegistryError("NAME_INVALID", "The path is not valid percent-encoded text.", { cause });
  }
  const rest = decoded.replace(/^\/v2\/?/, "");
  if (rest === "") return { kind: "version" };
  if (rest === "_catalog") return { kind: "catalog" };
  const parts = rest.split("/");
  if (rest.length > longestPath || parts.length < 3) throw noAddress(decoded);
  const [noun, last] = parts.slice(-2) as [string, string];
  if (noun === "uploads" && parts.at(-3) === "blobs") {
    const name = nameOf(parts.slice(0, -3));
    return last === "" ? { kind: "uploads", name } : { kind: "upload", name, uploadId: last };
  }
  if (last === "uploads" && noun === "blobs") return { kind: "uploads", name: nameOf(parts.slice(0, -2)) };
  const name = nameOf(parts.slice(0, -2));
  switch (noun) {
    case "tags":
      if (last !== "list") throw noAddress(decoded);
      return { kind: "tags", name };
    case "manifests":
      return { kind: "manifest", name, reference: referenceOf(last) };
    case "blobs":
      return { kind: "blob", name, digest: digestOf(last) };
    case "referrers":
      return { kind: "referrers", name, digest: digestOf(last) };
    default:
      throw noAddress(decoded);
  }
}

function nameOf(parts: readonly string[]): string {
  const name = parts.join("/");
  if (isRepositoryName(name)) return name;
  throw new RegistryError("NAME_INVALID", `"${name}" is not the name of a repository.`);
}

function referenceOf(text: string): ManifestName {
  if (text.includes(":")) return { digest: digestOf(text) };
  if (tagForm.test(text)) return { tag: text };
  throw new RegistryError("TAG_INVALID", `"${text}" is neither a tag nor a digest.`);
}

function digestOf(text: string): string {
  if (isDigest(text)) return text;
  throw new RegistryError("DIGEST_INVALID", `"${text}" is not a SHA-256 digest.`);
}

function noAddress(path: string): RegistryError {
  return new RegistryError("UNSUPPORTED", `The registry has nothing at ${path}.`);
}
