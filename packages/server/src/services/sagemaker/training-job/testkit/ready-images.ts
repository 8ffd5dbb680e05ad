import type { FilesRoot, HostToolsRoot } from "../../../../engines/engine.ts";
import { algorithmImages } from "../../../../images/algorithm-image.ts";
import { Images } from "../../../../images/images.ts";

/**
 * The built-in algorithms, and whatever container image is asked for, at once: for tests of jobs whose engine runs no
 * image anyway.
 * @param kind - `host-tools` for code of the job's owner, which may call the platform.
 */
export function readyImages(kind: (FilesRoot | HostToolsRoot)["kind"] = "files"): Images {
  return new Images([
    algorithmImages,
    {
      refusal: (image) => (image.kind === "framework" ? "it is a framework's image" : undefined),
      prepare: async ({ start }) => ({
        state: "ready",
        image: {
          root: { kind, binds: [] },
          command: ["/bin/train"],
          environment: start.environment,
          workingDirectory: "/",
          notices: [],
        },
      }),
    },
  ]);
}
