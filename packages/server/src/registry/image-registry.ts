import { BlobUploads } from "./blob-uploads.ts";
import { Blobs } from "./blobs.ts";
import { type CollectedImages, collectImages } from "./collect-images.ts";
import { Manifests } from "./manifests.ts";
import type { RegistryParts } from "./registry-parts.ts";
import { Repositories } from "./repositories.ts";

/**
 * Container images: metadata are records, manifests and layers are bytes in the object store's byte store. The
 * distribution API and ECR's operations both answer from it, and jobs take their images out of it.
 */
export class ImageRegistry {
  readonly repositories: Repositories;
  readonly manifests: Manifests;
  readonly blobs: Blobs;
  readonly uploads: BlobUploads;
  readonly #collect: () => Promise<CollectedImages>;

  constructor(parts: RegistryParts) {
    this.repositories = new Repositories(parts);
    this.manifests = new Manifests(parts);
    this.blobs = new Blobs(parts);
    this.uploads = new BlobUploads({ ...parts, blobs: this.blobs });
    this.#collect = () => collectImages({ ...parts, manifests: this.manifests, uploads: this.uploads });
  }

  /** Removes what nothing refers to any more. */
  collect(): Promise<CollectedImages> {
    return this.#collect();
  }
}
