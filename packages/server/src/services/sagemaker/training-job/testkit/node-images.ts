import type { ImageRequest, ImageSource, Preparation } from "../../../../images/image.ts";

/**
 * Images of nothing but Node, for jobs that really run code of the test's own: any container's image is one. The job's
 * ContainerArguments are the program and its arguments.
 */
export const nodeImages: ImageSource = {
  refusal: ({ kind }) => (kind === "container" ? undefined : "it is no container's image"),
  async prepare({ start }: ImageRequest): Promise<Preparation> {
    const node = "/opt/sagebrush/bin/node";
    return {
      state: "ready",
      image: {
        root: { kind: "files", binds: [{ source: process.execPath, target: node }] },
        command: [node, ...(start.arguments ?? [])],
        environment: start.environment,
        workingDirectory: "/opt/ml",
        notices: [],
      },
    };
  },
};
