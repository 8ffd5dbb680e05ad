import type { AlgorithmDefinition } from "@sagebrush/algorithms/definitions";
import type { Bind, RootFs } from "../engines/engine.ts";

/** What an image URI stands for. */
export type Image = AlgorithmImage | FrameworkImage | OnnxImage | ContainerImage;

/** One of our own algorithms, under the name of SageMaker's image of it. */
export interface AlgorithmImage {
  readonly kind: "algorithm";
  readonly uri: string;
  readonly definition: AlgorithmDefinition;
  /** The framework's image that it shares, for an algorithm that stands on a library: the tag says which version. */
  readonly library?: FrameworkImage;
}

/** One of SageMaker's framework images, for code that its user brings. */
export interface FrameworkImage {
  readonly kind: "framework";
  readonly uri: string;
  /** `pytorch-training` */
  readonly repository: string;
  /** `2.1.0-cpu-py310` */
  readonly tag: string;
}

/** The image that serves models in the ONNX format. */
export interface OnnxImage {
  readonly kind: "onnx";
  readonly uri: string;
}

/** Any other image: somebody's own, in some registry. */
export interface ContainerImage {
  readonly kind: "container";
  /** As it was given: `REGISTRY/REPOSITORY:TAG`, `REPOSITORY@sha256:…`. */
  readonly uri: string;
}

/** How a container is to be started, as the caller of the API said it. */
export interface ContainerStart {
  /** The one word that SageMaker passes to an image's entry point when the caller gives none. */
  readonly verb: "train" | "serve";
  readonly entrypoint?: readonly string[];
  readonly arguments?: readonly string[];
  /** Variables that the caller gave. */
  readonly environment: Readonly<Record<string, string>>;
}

/** An image that a job or an endpoint wants. */
export interface WantedImage {
  readonly uri: string;
  /** Whether its user brings code: an image may be an algorithm without it, and a framework with it. */
  readonly hasOwnCode: boolean;
  readonly account: string;
  readonly region: string;
  readonly start: ContainerStart;
}

/** The library of an algorithm as a run sees it. */
export interface RunLibrary {
  readonly binds: readonly Bind[];
  /** Path inside. */
  readonly file: string;
}

/** What a source is asked for: the wanted image, found. */
export interface ImageRequest extends WantedImage {
  readonly image: Image;
}

/** An image that is on this host, and what a run needs of it. */
export interface PreparedImage {
  readonly root: RootFs;
  readonly command: readonly string[];
  /** The image's own variables and over them the caller's, less those that the image keeps to itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the command starts, a path inside. */
  readonly workingDirectory: string;
  /** `USER` of the image, as `docker run --user` takes it; root when absent. */
  readonly user?: string;
  /** What the owner of the run should know, for its log: another version than asked for, and the like. */
  readonly notices: readonly string[];
}

/** How far an image is. A preparation under way goes on by itself; whoever waits asks again. */
export type Preparation =
  | { readonly state: "ready"; readonly image: PreparedImage }
  /** `message` says what is being done and how far it is, for people. */
  | { readonly state: "preparing"; readonly message: string }
  /** For good, as far as this job goes; the next one tries anew. */
  | { readonly state: "failed"; readonly reason: string };

/** Where images of some kinds come from. Engines and registries add theirs in `main.ts`. */
export interface ImageSource {
  /**
   * Why this source cannot have the image, in a sentence; `undefined` when it may be able to. Asked while a caller waits:
   * no I/O that takes time.
   */
  refusal(image: Image): string | undefined;
  /**
   * Looks whether the image is there, and begins to fetch or make it when it is not. Returns at once, may be called any
   * number of times at once, and does the work once for each image, whoever asks for it and from whichever process.
   */
  prepare(request: ImageRequest): Promise<Preparation>;
}
