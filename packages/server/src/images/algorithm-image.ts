import { fileURLToPath } from "node:url";
import { algorithmDefinitions } from "@sagebrush/algorithms/definitions";
import { builtInEnvironment } from "./built-in-environment.ts";
import { hostBlas } from "./host-blas.ts";
import type { AlgorithmImage, ContainerStart, ImageSource, PreparedImage, RunLibrary } from "./image.ts";

/** The built-in algorithms' bundle, made at set-up; it is all the code that a run sees. */
const bundle = fileURLToPath(new URL("../../../algorithms/.build", import.meta.url));

const names = algorithmDefinitions.map(({ name }) => name).join(", ");

/** The images of built-in algorithms: the Node that runs this server and the algorithms' bundle. Always there. */
export const algorithmImages: ImageSource = {
  refusal: (image) => {
    if (image.kind === "algorithm") {
      return image.library === undefined ? undefined : `${image.definition.name} needs a library`;
    }
    return image.kind === "framework" ? "it is not a built-in algorithm" : `it is not a built-in algorithm (${names})`;
  },
  async prepare({ image, start }) {
    if (image.kind !== "algorithm") throw new Error(`${image.uri} is no algorithm's image`);
    const library = image.definition.usesBlas === true ? await hostBlas() : undefined;
    return { state: "ready", image: algorithmRun(image, start, library) };
  },
};

/** How an algorithm runs. */
export function algorithmRun(
  { definition }: AlgorithmImage,
  start: ContainerStart,
  library?: RunLibrary,
): PreparedImage {
  return runtimeRun(definition.name, start, library);
}

/** How something of the algorithms' program runs. @param name - What it is called there. */
export function runtimeRun(name: string, start: ContainerStart, library?: RunLibrary): PreparedImage {
  return {
    root: {
      kind: "files",
      binds: [
        { source: process.execPath, target: "/opt/sagebrush/bin/node" },
        { source: bundle, target: "/opt/sagebrush/algorithms" },
        ...(library?.binds ?? []),
      ],
    },
    command: [
      "/opt/sagebrush/bin/node",
      "/opt/sagebrush/algorithms/sagebrush-algorithm.mjs",
      start.verb,
      name,
      ...(library === undefined ? [] : [library.file]),
    ],
    environment: builtInEnvironment(start.environment),
    workingDirectory: "/",
    notices: [],
  };
}
