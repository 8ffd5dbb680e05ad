import { readTar } from "../../serving/artifacts/tar-reader.ts";
import type { RunSpec } from "../engine.ts";
import type { Containers } from "./containers.ts";

/** What is bound there hides what the image has. */
const mlRoot = "/opt/ml";
const nothing = async (): Promise<void> => undefined;

/**
 * Finds the folders that images have below /opt/ml, where SageMaker's own toolkit wants a user's code: a run's /opt/ml
 * covers them. An image cannot be looked into, a container of it can, which is never started.
 */
export class ImageFolders {
  readonly #containers: Containers;
  readonly #known = new Map<string, Promise<readonly string[]>>();

  constructor(containers: Containers) {
    this.#containers = containers;
  }

  /** @returns Those of an image (by its id) that a run has not got of its own, as paths inside. */
  async shown(imageId: string, own: ReadonlySet<string>): Promise<string[]> {
    const names = await this.#find(imageId);
    return names.filter((name) => !own.has(name)).map((name) => `${mlRoot}/${name}`);
  }

  #find(imageId: string): Promise<readonly string[]> {
    const known = this.#known.get(imageId);
    if (known) return known;
    const found = this.#look(imageId);
    this.#known.set(imageId, found);
    found.catch(() => this.#known.delete(imageId)); // the next run asks again
    return found;
  }

  async #look(imageId: string): Promise<readonly string[]> {
    const id = `look-${imageId.replace(/^sha256:/, "").slice(0, 16)}`;
    // What a server that was killed meanwhile left.
    await this.#containers.remove(id);
    // The command is never run, but some images have none.
    const body = { Image: imageId, Entrypoint: ["/"], Labels: this.#containers.label, NetworkDisabled: true };
    await this.#containers.create(id, body);
    try {
      const archive = await this.#containers.archive(id, mlRoot);
      if (!archive) return [];
      const names: string[] = [];
      const entry = async ({ path, type }: { path: string; type: string }): Promise<void> => {
        const [name, ...more] = path
          .split("/")
          .filter((part) => part !== "" && part !== ".")
          .slice(1);
        if (type === "directory" && name !== undefined && more.length === 0) names.push(name);
      };
      await readTar(archive, { entry, data: nothing, end: nothing });
      return names.sort();
    } finally {
      await this.#containers.remove(id);
    }
  }
}

/** The names below /opt/ml that a run has itself. */
export function ownNames(entries: readonly string[], { channels, mounts = [] }: RunSpec): Set<string> {
  return new Set([...entries, ...[...channels, ...mounts].map(({ target }) => target.split("/")[3] ?? "")]);
}
