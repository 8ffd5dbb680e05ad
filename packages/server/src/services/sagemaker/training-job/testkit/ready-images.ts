import { algorithmImages } from "../../../../images/algorithm-image.ts";
import type { ImageSource } from "../../../../images/image.ts";
import { Images } from "../../../../images/images.ts";

/** Has every container image, at once: for tests of jobs whose engine runs no image anyway. */
const containers: ImageSource = {
  refusal: (image) => (image.kind === "container" ? undefined : "it is no container's image"),
  prepare: async ({ start }) => ({
    state: "ready",
    image: {
      root: { kind: "files", binds: [] },
      command: ["/bin/train"],
      environment: start.environment,
      workingDirectory: "/",
      notices: [],
    },
  }),
};

/** The built-in algorithms and whatever else is asked for. */
export function readyImages(): Images {
  return new Images([algorithmImages, containers]);
}
