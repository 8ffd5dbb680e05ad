import { finished } from "node:stream/promises";
import type { StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import { digestOf } from "./digest.ts";
import { type ManifestContent, parseManifest } from "./manifest-content.ts";
import { allRecords } from "./record-pages.ts";
import { RegistryError } from "./registry-error.ts";
import type { RegistryParts } from "./registry-parts.ts";
import {
  kinds,
  linkKey,
  type ManifestRecord,
  manifestKey,
  type ReferrerRecord,
  type Repository,
  type RepositoryRecord,
  referrerKey,
  repositoryKey,
  type TagRecord,
  tagKey,
} from "./registry-records.ts";
import { isMutable } from "./tag-mutability.ts";

/** A conflict means that another request was faster; this many in a row mean a record that contradicts another. */
const MOST_ATTEMPTS = 100;

/** How a caller names a manifest. */
export type ManifestName = { readonly digest: string } | { readonly tag: string };

/** A manifest on its way in. */
export interface PushedManifest {
  readonly content: Buffer;
  readonly contentType?: string;
  readonly tag?: string;
  /** What the content must be. */
  readonly digest?: string;
}

/** What a push did. */
export interface Push {
  readonly manifest: ManifestRecord;
  /** Nothing: the image was there, under this tag. */
  readonly isKnown: boolean;
}

/** Manifests and tags of repositories. Each push is one transaction. */
export class Manifests {
  readonly #parts: RegistryParts;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  async find(repository: Repository, name: ManifestName): Promise<ManifestRecord | undefined> {
    const digest = "digest" in name ? name.digest : (await this.#tag(repository, name.tag))?.value.digest;
    return digest === undefined ? undefined : (await this.#manifest(repository, digest))?.value;
  }

  /** The manifest's own bytes, at most 4 MiB. */
  async content({ bytes }: ManifestRecord): Promise<Buffer> {
    const found = await this.#parts.bytes.read(bytes);
    if (Buffer.isBuffer(found)) return found;
    const chunks: Buffer[] = [];
    found.on("data", (chunk: Buffer) => chunks.push(chunk));
    await finished(found);
    return Buffer.concat(chunks);
  }

  /**
   * Stores a manifest and points its tag there.
   * @throws RegistryError `MANIFEST_INVALID`, `DIGEST_INVALID`, `MANIFEST_BLOB_UNKNOWN` (a layer or a listed manifest
   * is not in the repository), `TAG_INVALID` (it is there and may not be moved), `NAME_UNKNOWN` (the repository went).
   */
  async push(repository: Repository, pushed: PushedManifest): Promise<Push> {
    const content = parseManifest(pushed.content, pushed.contentType);
    const digest = digestOf(pushed.content);
    if (pushed.digest !== undefined && pushed.digest !== digest) {
      throw new RegistryError("DIGEST_INVALID", `The manifest is ${digest}, not ${pushed.digest}.`);
    }
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const done = await this.#tryPush(repository, digest, content, pushed);
      if (done) return done;
    }
    throw new Error(`The image ${digest} could not be stored: its repository changed ${MOST_ATTEMPTS} times meanwhile`);
  }

  /** Every image in the order of its digest. @param from - Begins at this digest. */
  async *all({ place, value }: Repository, from = ""): AsyncGenerator<ManifestRecord> {
    const prefix = `${value.id}@`;
    const query = { kind: kinds.manifest, ...registryOf(place), prefix, from: `${prefix}${from}` };
    for await (const record of allRecords<ManifestRecord>(this.#parts.store, query)) yield record.value;
  }

  async isEmpty({ place, value }: Repository): Promise<boolean> {
    const query = { kind: kinds.manifest, ...registryOf(place), prefix: `${value.id}@`, limit: 1 };
    return (await this.#parts.store.list(query)).records.length === 0;
  }

  /** Up to `limit` tags after `after`, in the order of their bytes. */
  async tags({ place, value }: Repository, after: string, limit: number): Promise<string[]> {
    const prefix = `${value.id}:`;
    const query = { kind: kinds.tag, ...registryOf(place), prefix, after: `${prefix}${after}`, limit };
    const page = await this.#parts.store.list<TagRecord>(query);
    return page.records.map(({ name }) => name.slice(prefix.length));
  }

  /** Manifests whose subject is `digest`, which need not be there itself. */
  async referrers({ place, value }: Repository, digest: string, limit: number): Promise<ReferrerRecord[]> {
    const query = { kind: kinds.referrer, ...registryOf(place), prefix: `${value.id}@${digest}@`, limit };
    return (await this.#parts.store.list<ReferrerRecord>(query)).records.map((record) => record.value);
  }

  /** Takes a tag away and leaves the image. @returns The image's digest, or `undefined` when there is no such tag. */
  async untag(repository: Repository, tag: string): Promise<string | undefined> {
    for (;;) {
      const record = await this.#tag(repository, tag);
      if (!record) return undefined;
      const { digest } = record.value;
      const manifest = await this.#manifest(repository, digest);
      const writes: Write[] = [
        { op: "delete", key: tagKey(repository, tag), version: record.version },
        ...(manifest ? [withoutTag(manifest, tag)] : []),
      ];
      if (await this.#written(writes)) return digest;
    }
  }

  /** Removes an image with its tags. Blobs that nothing else refers to are collected later. @returns What was there. */
  async remove(repository: Repository, digest: string): Promise<ManifestRecord | undefined> {
    for (;;) {
      const manifest = await this.#manifest(repository, digest);
      if (!manifest) return undefined;
      const { value, version } = manifest;
      const unshared = await this.#parts.bytes.unshare(value.bytes);
      const { subject } = value;
      const referrer =
        subject === undefined ? undefined : await this.#parts.store.get(referrerKey(repository, subject, digest));
      const writes: Write[] = [
        { op: "delete", key: manifestKey(repository, digest), version },
        ...value.tags.map((tag): Write => ({ op: "delete", key: tagKey(repository, tag) })),
        ...(referrer ? [{ op: "delete", key: referrer } as const] : []),
        ...(unshared ? [unshared.write] : []),
      ];
      if (!(await this.#written(writes))) continue;
      await this.#parts.bytes.erase(value.bytes);
      return value;
    }
  }

  /** The indexes that list a manifest: while there are some, it may not go. */
  async parentsOf(repository: Repository, digest: string): Promise<string[]> {
    const parents: string[] = [];
    for await (const manifest of this.all(repository)) {
      if (manifest.manifests.includes(digest)) parents.push(manifest.digest);
    }
    return parents;
  }

  async #tryPush(
    repository: Repository,
    digest: string,
    content: ManifestContent,
    { content: bytes, tag }: PushedManifest,
  ): Promise<Push | undefined> {
    const inRegistry = await this.#parts.store.get<RepositoryRecord>(repositoryKey(repository.place, repository.name));
    if (inRegistry?.value.id !== repository.value.id) throw unknownRepository(repository);
    const known = await this.#manifest(repository, digest);
    const tagged = tag === undefined ? undefined : await this.#tag(repository, tag);
    if (known && (tag === undefined || tagged?.value.digest === digest))
      return { manifest: known.value, isKnown: true };
    if (tag !== undefined && tagged && !isMutable(inRegistry.value.tagMutability, tag)) {
      throw immutableTag(repository, tag);
    }
    const moves = tag === undefined ? [] : await this.#moveTag(repository, tag, tagged, digest);
    // An index may take the tag over from a manifest that it lists: one record is written once.
    const links = (await this.#checkContent(repository, content)).filter(
      ({ key }) => !moves.some((move) => move.key.kind === key.kind && move.key.name === key.name),
    );
    const ingested = known ? undefined : await this.#parts.bytes.ingestWhole(bytes, []);
    const tags = [...new Set([...(known?.value.tags ?? []), ...(tag === undefined ? [] : [tag])])].sort();
    const { mediaType, blobs, manifests, subject, artifactType, annotations } = content;
    const manifest: ManifestRecord = {
      ...(known?.value ?? {
        digest,
        ...{ mediaType, blobs, manifests },
        bytes: (ingested as NonNullable<typeof ingested>).bytes,
        pushedAt: this.#parts.clock.now(),
        ...(subject !== undefined && { subject }),
        ...(artifactType !== undefined && { artifactType }),
      }),
      tags,
    };
    const key = manifestKey(repository, digest);
    const writes: Write[] = [
      // A deletion that found the repository empty fails, and this fails when it was deleted.
      { op: "update", key: inRegistry, version: inRegistry.version, value: inRegistry.value },
      known ? { op: "update", key, version: known.version, value: manifest } : { op: "create", key, value: manifest },
      ...links,
      ...moves,
    ];
    if (ingested) writes.push(this.#parts.bytes.adopt(ingested));
    if (subject !== undefined && !known) {
      const value: ReferrerRecord = {
        ...{ mediaType, digest, size: bytes.length },
        ...(artifactType !== undefined && { artifactType }),
        ...(annotations && { annotations }),
      };
      writes.push({ op: "put", key: referrerKey(repository, subject, digest), value });
    }
    try {
      if (await this.#written(writes)) {
        ingested?.settle();
        return { manifest, isKnown: false };
      }
    } catch (error) {
      await ingested?.discard();
      throw error;
    }
    await ingested?.discard();
    return undefined;
  }

  async #moveTag(
    repository: Repository,
    tag: string,
    before: StoredRecord<TagRecord> | undefined,
    digest: string,
  ): Promise<Write[]> {
    const key = tagKey(repository, tag);
    const value: TagRecord = { digest };
    if (!before) return [{ op: "create", key, value }];
    const old = await this.#manifest(repository, before.value.digest);
    return [{ op: "update", key, version: before.version, value }, ...(old ? [withoutTag(old, tag)] : [])];
  }

  /**
   * Checks that the repository has what the manifest refers to.
   * @returns Writes that fail the push when collection takes some of it meanwhile.
   */
  async #checkContent(repository: Repository, { blobs, manifests }: ManifestContent): Promise<Write[]> {
    const writes: Write[] = [];
    for (const digest of new Set(blobs.map((blob) => blob.digest))) {
      const link = await this.#parts.store.get(linkKey(repository, digest));
      if (!link) throw missing(digest, "blob");
      writes.push({ op: "update", key: linkKey(repository, digest), version: link.version, value: link.value });
    }
    for (const digest of new Set(manifests)) {
      const listed = await this.#manifest(repository, digest);
      if (!listed) throw missing(digest, "manifest");
      writes.push({
        op: "update",
        key: manifestKey(repository, digest),
        version: listed.version,
        value: listed.value,
      });
    }
    return writes;
  }

  #manifest(repository: Repository, digest: string): Promise<StoredRecord<ManifestRecord> | undefined> {
    return this.#parts.store.get(manifestKey(repository, digest));
  }

  #tag(repository: Repository, tag: string): Promise<StoredRecord<TagRecord> | undefined> {
    return this.#parts.store.get(tagKey(repository, tag));
  }

  /** @returns False when something changed meanwhile. */
  async #written(writes: readonly Write[]): Promise<boolean> {
    try {
      await this.#parts.store.write(writes);
      return true;
    } catch (error) {
      if (error instanceof WriteConflict) return false;
      throw error;
    }
  }
}

function registryOf({ account, region }: Repository["place"]): { account: string; region: string } {
  return { account, region };
}

function withoutTag(record: StoredRecord<ManifestRecord>, tag: string): Write {
  const value: ManifestRecord = { ...record.value, tags: record.value.tags.filter((each) => each !== tag) };
  return { op: "update", key: record, version: record.version, value };
}

function missing(digest: string, what: "blob" | "manifest"): RegistryError {
  return new RegistryError(
    "MANIFEST_BLOB_UNKNOWN",
    `The manifest refers to the ${what} ${digest}, which is not in the repository.`,
    { detail: { digest } },
  );
}

function immutableTag({ name }: Repository, tag: string): RegistryError {
  return new RegistryError(
    "TAG_INVALID",
    `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the tag is immutable.`,
  );
}

/** As ECR words it. */
export function unknownRepository({ name, place }: Pick<Repository, "name" | "place">): RegistryError {
  return new RegistryError(
    "NAME_UNKNOWN",
    `The repository with name '${name}' does not exist in the registry with id '${place.account}'`,
  );
}
