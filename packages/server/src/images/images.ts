import { algorithmImages } from "./algorithm-image.ts";
import type { Image, ImageRequest, ImageSource, Preparation } from "./image.ts";
import { resolveImage, UnknownImage } from "./resolve-image.ts";

/** Every image that this installation can run, from whichever source. */
export class Images {
  readonly #sources: readonly ImageSource[];

  /** @param sources - Asked in order; the first one that does not refuse an image has it. */
  constructor(sources: readonly ImageSource[] = [algorithmImages]) {
    this.#sources = sources;
  }

  /**
   * Says what a URI stands for, if some source could have it. Whether the image exists shows when it is prepared.
   * @throws UnknownImage with the reason.
   */
  find(uri: string): Image {
    const image = resolveImage(uri);
    if (this.#sourceOf(image)) return image;
    const reasons = this.#sources.map((source) => source.refusal(image)).join("; ");
    throw new UnknownImage(`Image ${uri} cannot be run: ${reasons}.`);
  }

  /** How far the image is; see `ImageSource.prepare`. */
  async prepare(request: ImageRequest): Promise<Preparation> {
    const source = this.#sourceOf(request.image);
    // It was accepted when its job was created: the server was started with fewer sources since.
    if (!source) return { state: "failed", reason: `Image ${request.image.uri} cannot be run by this installation.` };
    return await source.prepare(request);
  }

  #sourceOf(image: Image): ImageSource | undefined {
    return this.#sources.find((source) => source.refusal(image) === undefined);
  }
}
