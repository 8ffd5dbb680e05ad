import { join } from "node:path";
import { algorithmRun } from "./algorithm-image.ts";
import type { FrameworkImages } from "./frameworks/framework-images.ts";
import type { Image, ImageRequest, ImageSource, Preparation, RunLibrary } from "./image.ts";
import { systemLibraries } from "./system-libraries.ts";

/** Where a run sees the Python packages that hold the library. */
const target = "/opt/sagebrush/library";

/**
 * The images of algorithms that stand on a library, in the version that the tag names: as those of the other algorithms, with
 * the library out of an environment that is made on first use. No Python runs in them.
 */
export class LibraryAlgorithmImages implements ImageSource {
  readonly #frameworks: FrameworkImages;

  constructor(frameworks: FrameworkImages) {
    this.#frameworks = frameworks;
  }

  refusal(image: Image): string | undefined {
    if (image.kind !== "algorithm" || image.library === undefined) return "it is no algorithm that needs a library";
    return this.#frameworks.libraryRefusal(image.library);
  }

  async prepare({ image, start }: ImageRequest): Promise<Preparation> {
    if (image.kind !== "algorithm" || image.library === undefined) throw new Error(`${image.uri} needs no library`);
    const made = await this.#frameworks.prepareLibrary(image.library);
    if (made.state !== "ready") return made;
    return { state: "ready", image: algorithmRun(image, start, await runLibrary(made.packages, made.file)) };
  }
}

/** @param file - The library, relative to the folder of packages: it finds what came with it relative to itself. */
async function runLibrary(packages: string, file: string): Promise<RunLibrary> {
  const needed = await systemLibraries(join(packages, file));
  return { binds: [{ source: packages, target }, ...needed], file: join(target, file) };
}
