import type { ListQuery, Store, StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import type { BlobUploads } from "./blob-uploads.ts";
import { UNREFERENCED_BLOB_MS } from "./blobs.ts";
import { expired, parseLifecyclePolicy } from "./lifecycle-policy.ts";
import type { Manifests } from "./manifests.ts";
import { allRecords } from "./record-pages.ts";
import type { RegistryParts } from "./registry-parts.ts";
import {
  type BlobRecord,
  kinds,
  type ManifestRecord,
  type Repository,
  type RepositoryRecord,
  repositoryIdOf,
  type UploadRecord,
} from "./registry-records.ts";
import { asRepository } from "./repositories.ts";

/** Uploads that nobody continued for this long are dropped. */
export const UPLOAD_RETENTION_MS = 24 * 3600_000;

/** What one collection removed. */
export interface CollectedImages {
  /** By lifecycle policies, or with their repository. */
  readonly images: number;
  readonly blobs: number;
  readonly uploads: number;
}

interface Parts extends RegistryParts {
  readonly manifests: Manifests;
  readonly uploads: BlobUploads;
}

/**
 * Removes what nothing refers to: images that lifecycle policies end, everything of deleted repositories, uploads that
 * were given up, and blobs that no manifest refers to. Safe while clients push: whatever a push relies on rises in version
 * with it, and collection removes only the version that it judged.
 */
export async function collectImages(parts: Parts): Promise<CollectedImages> {
  const repositories = new Map<string, Repository>();
  for await (const record of allRecords<RepositoryRecord>(parts.store, { kind: kinds.repository })) {
    repositories.set(record.value.id, asRepository(record));
  }
  const uploads = await dropUploads(parts, repositories);
  let images = await dropOrphans(parts, repositories);
  for (const repository of repositories.values()) images += await applyLifecyclePolicy(parts, repository);
  await dropLinks(parts, repositories);
  return { images, uploads, blobs: await dropBlobs(parts) };
}

/** Removes what a repository's lifecycle policy ends. Listed manifests live as long as the index that lists them. */
async function applyLifecyclePolicy({ manifests, clock }: Parts, repository: Repository): Promise<number> {
  const text = repository.value.lifecyclePolicyText;
  if (text === undefined) return 0;
  const all: ManifestRecord[] = [];
  for await (const manifest of manifests.all(repository)) all.push(manifest);
  let removed = 0;
  const ended = new Set<string>();
  for (const { image } of expired(parseLifecyclePolicy(text), withoutListed(all), clock.now())) {
    if (!(await manifests.remove(repository, image.digest))) continue;
    ended.add(image.digest);
    removed++;
  }
  const kept = new Set(all.filter(({ digest }) => !ended.has(digest)).flatMap((each) => each.manifests));
  for (const digest of all.filter((each) => ended.has(each.digest)).flatMap((each) => each.manifests)) {
    const listed = all.find((each) => each.digest === digest);
    if (!listed || listed.tags.length > 0 || kept.has(digest)) continue;
    if (await manifests.remove(repository, digest)) removed++;
  }
  return removed;
}

/** The images that a policy may end: not the parts of an index, which go with it. */
export function withoutListed(all: readonly ManifestRecord[]): ManifestRecord[] {
  const listed = new Set(all.flatMap((each) => each.manifests));
  return all.filter(({ digest, tags }) => tags.length > 0 || !listed.has(digest));
}

async function dropUploads(
  { store, clock, uploads }: Parts,
  repositories: ReadonlyMap<string, Repository>,
): Promise<number> {
  let dropped = 0;
  const alive = new Set<string>();
  for await (const record of allRecords<UploadRecord>(store, { kind: kinds.upload })) {
    const isIdle = clock.now() - record.modifiedAt > UPLOAD_RETENTION_MS;
    if (!isIdle && repositories.has(record.value.repositoryId)) {
      alive.add(record.name);
      continue;
    }
    if (await deleted(store, record)) dropped++;
  }
  const over = new Map<string, StoredRecord>();
  for await (const record of allRecords(store, { kind: kinds.uploadPart })) {
    const uploadId = record.name.slice(0, record.name.indexOf("/"));
    if (!alive.has(uploadId)) over.set(uploadId, record);
  }
  for (const [uploadId, { account, region }] of over) {
    // It may have begun since the list above was made.
    if (!(await store.get({ account, region, kind: kinds.upload, name: uploadId }))) {
      await uploads.dropParts({ account, region }, uploadId);
    }
  }
  return dropped;
}

/** What belonged to repositories that were deleted. */
async function dropOrphans({ store, bytes }: Parts, repositories: ReadonlyMap<string, Repository>): Promise<number> {
  let images = 0;
  const orphans = async function* <Value>(query: Pick<ListQuery, "kind">): AsyncGenerator<StoredRecord<Value>> {
    for await (const record of allRecords<Value>(store, query)) {
      if (repositories.has(repositoryIdOf(record)) || (await isNew(store, record, repositoryIdOf(record)))) continue;
      yield record;
    }
  };
  for await (const record of orphans<ManifestRecord>({ kind: kinds.manifest })) {
    const unshared = await bytes.unshare(record.value.bytes);
    if (!(await deleted(store, record, unshared ? [unshared.write] : []))) continue;
    await bytes.erase(record.value.bytes);
    images++;
  }
  for (const kind of [kinds.tag, kinds.referrer, kinds.link]) {
    for await (const record of orphans({ kind })) await deleted(store, record);
  }
  return images;
}

/** Whether its repository was made after the list of repositories was. */
async function isNew(store: Store, { account, region }: StoredRecord, id: string): Promise<boolean> {
  for await (const record of allRecords<RepositoryRecord>(store, { kind: kinds.repository, account, region })) {
    if (record.value.id === id) return true;
  }
  return false;
}

/** A repository's blobs that none of its manifests refers to, once they are old enough. */
async function dropLinks(
  { store, clock, manifests }: Parts,
  repositories: ReadonlyMap<string, Repository>,
): Promise<void> {
  for (const repository of repositories.values()) {
    const referred = new Set<string>();
    for await (const manifest of manifests.all(repository))
      for (const { digest } of manifest.blobs) referred.add(digest);
    const prefix = `${repository.value.id}@`;
    const { account, region } = repository.place;
    for await (const link of allRecords(store, { kind: kinds.link, account, region, prefix })) {
      if (referred.has(link.name.slice(prefix.length))) continue;
      if (clock.now() - link.modifiedAt > UNREFERENCED_BLOB_MS) await deleted(store, link);
    }
  }
}

/** Blobs that no repository has. Read before the links are: one that is linked afterwards has another version. */
async function dropBlobs({ store, bytes }: Parts): Promise<number> {
  const blobs = new Map<string, StoredRecord<BlobRecord>>();
  for await (const blob of allRecords<BlobRecord>(store, { kind: kinds.blob }))
    blobs.set(placed(blob, blob.name), blob);
  for await (const link of allRecords(store, { kind: kinds.link })) {
    blobs.delete(placed(link, link.name.slice(link.name.indexOf("@") + 1)));
  }
  let dropped = 0;
  for (const blob of blobs.values()) {
    const unshared = await bytes.unshare(blob.value.bytes);
    if (!(await deleted(store, blob, unshared ? [unshared.write] : []))) continue;
    await bytes.erase(blob.value.bytes);
    dropped++;
  }
  return dropped;
}

function placed({ account, region }: StoredRecord, digest: string): string {
  return `${account}/${region}/${digest}`;
}

/** Deletes the version that was read. @returns False when it has changed: somebody needs it. */
async function deleted(store: Store, record: StoredRecord, also: readonly Write[] = []): Promise<boolean> {
  try {
    await store.write([{ op: "delete", key: record, version: record.version }, ...also]);
    return true;
  } catch (error) {
    if (error instanceof WriteConflict) return false;
    throw error;
  }
}
