import type { BytesReference } from "../objects/object-records.ts";
import type { RecordKey, StoredRecord } from "../store/store.ts";

/** Whose registry: as with ECR, every account has one in each region. */
export interface RegistryPlace {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
}

/** Record kinds of the image registry. */
export const kinds = {
  repository: "image-repository",
  manifest: "image-manifest",
  tag: "image-tag",
  /** A manifest that is about another one (a signature, a bill of materials), listed under that one. */
  referrer: "image-referrer",
  /** A blob's bytes: once a registry, however many repositories have it. */
  blob: "image-blob",
  /** That a repository has a blob. */
  link: "image-blob-link",
  upload: "image-blob-upload",
  uploadPart: "image-blob-upload-part",
} as const;

type Kind = (typeof kinds)[keyof typeof kinds];

/** A repository. `id` never returns: whatever belongs to it is keyed by it, so that deleting the record deletes all. */
export interface RepositoryRecord {
  readonly id: string;
  readonly tagMutability: TagMutability;
  readonly scanOnPush: boolean;
  /** As the caller gave it; told again, not applied. */
  readonly encryption: { readonly encryptionType: "AES256" | "KMS" | "KMS_DSSE"; readonly kmsKey?: string };
  readonly policyText?: string;
  readonly lifecyclePolicyText?: string;
  /** A lifecycle policy that is only tried. */
  readonly previewedPolicyText?: string;
  /** By key, for cost and search. Image tags are records of their own. */
  readonly resourceTags: Readonly<Record<string, string>>;
}

/** Whether a tag may be moved to another image, and the tags (with `*`) that the opposite holds for. */
export interface TagMutability {
  readonly mutable: boolean;
  readonly except: readonly string[];
}

/** A repository as it was found. */
export interface Repository {
  readonly place: RegistryPlace;
  readonly name: string;
  readonly createdAt: number;
  readonly version: number;
  readonly value: RepositoryRecord;
}

export interface ManifestRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: BytesReference;
  /** Milliseconds since 1970. */
  readonly pushedAt: number;
  /** Every tag that points here, sorted; the same transaction writes the tag's own record. */
  readonly tags: readonly string[];
  /** Configuration first, then layers from the lowest. */
  readonly blobs: readonly BlobDescriptor[];
  /** Digests of the manifests that an index lists. */
  readonly manifests: readonly string[];
  readonly subject?: string;
  readonly artifactType?: string;
}

export interface BlobDescriptor {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface TagRecord {
  readonly digest: string;
}

/** A descriptor in the answer of the referrers API. */
export interface ReferrerRecord {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface BlobRecord {
  readonly bytes: BytesReference;
}

export interface UploadRecord {
  readonly repositoryId: string;
  readonly sizeBytes: number;
  readonly parts: number;
}

export interface UploadPartRecord {
  readonly bytes: BytesReference;
  /** Lower-case hex. */
  readonly sha256: string;
}

function keyOf(kind: Kind, { account, region }: RegistryPlace, name: string): RecordKey {
  return { account, region, kind, name };
}

export const repositoryKey = (place: RegistryPlace, name: string): RecordKey => keyOf(kinds.repository, place, name);

/** Record names begin with the repository's id; neither ids nor digests nor tags hold the separators. */
export const manifestKey = ({ place, value }: Repository, digest: string): RecordKey =>
  keyOf(kinds.manifest, place, `${value.id}@${digest}`);

export const tagKey = ({ place, value }: Repository, tag: string): RecordKey =>
  keyOf(kinds.tag, place, `${value.id}:${tag}`);

export const referrerKey = ({ place, value }: Repository, subject: string, digest: string): RecordKey =>
  keyOf(kinds.referrer, place, `${value.id}@${subject}@${digest}`);

export const linkKey = ({ place, value }: Repository, digest: string): RecordKey =>
  keyOf(kinds.link, place, `${value.id}@${digest}`);

export const blobKey = (place: RegistryPlace, digest: string): RecordKey => keyOf(kinds.blob, place, digest);

export const uploadKey = (place: RegistryPlace, uploadId: string): RecordKey => keyOf(kinds.upload, place, uploadId);

export const uploadPartKey = (place: RegistryPlace, uploadId: string, part: number): RecordKey =>
  keyOf(kinds.uploadPart, place, `${uploadId}/${String(part).padStart(5, "0")}`);

/** The id of the repository that a record of one of its things belongs to. */
export function repositoryIdOf(record: StoredRecord): string {
  return /^[0-9a-f]+/.exec(record.name)?.[0] ?? "";
}
