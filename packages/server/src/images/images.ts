import { algorithmImages } from "./algorithm-image.ts";
import { builtInFrameworks, type FrameworkTable } from "./frameworks/framework-table.ts";
import type { Image, ImageSource, Preparation, WantedImage } from "./image.ts";
import { resolveImage, UnknownImage } from "./resolve-image.ts";

/** Every image that this installation can run, from whichever source. */
export class Images {
  readonly #sources: readonly ImageSource[];
  readonly #frameworks: FrameworkTable;

  /** @param sources - Asked in order; the first one that does not refuse an image has it. */
  constructor(sources: readonly ImageSource[] = [algorithmImages], frameworks: FrameworkTable = builtInFrameworks) {
    this.#sources = sources;
    this.#frameworks = frameworks;
  }

  /** Says what a URI stands for. @throws UnknownImage when it can be nothing. */
  resolve(uri: string, hasOwnCode = false): Image {
    return resolveImage(uri, { frameworks: this.#frameworks, hasOwnCode });
  }

  /**
   * Says what a URI stands for, if some source could have it. Whether the image exists shows when it is prepared.
   * @param hasOwnCode - Whether its user brings code.
   * @throws UnknownImage with the reason.
   */
  find(uri: string, hasOwnCode = false): Image {
    const image = this.resolve(uri, hasOwnCode);
    if (this.#sourceOf(image)) return image;
    const reasons = this.#sources.map((source) => source.refusal(image)).join("; ");
    throw new UnknownImage(`Image ${uri} cannot be run: ${reasons}.`);
  }

  /** How far the image is; see `ImageSource.prepare`. */
  async prepare(wanted: WantedImage): Promise<Preparation> {
    let image: Image;
    try {
      image = this.find(wanted.uri, wanted.hasOwnCode);
    } catch (error) {
      // It was accepted when its job was created: the server was started with fewer sources since.
      if (error instanceof UnknownImage) return { state: "failed", reason: error.message };
      throw error;
    }
    return (await this.#sourceOf(image)?.prepare({ ...wanted, image })) as Preparation;
  }

  #sourceOf(image: Image): ImageSource | undefined {
    return this.#sources.find((source) => source.refusal(image) === undefined);
  }
}
