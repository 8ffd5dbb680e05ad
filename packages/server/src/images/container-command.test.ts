import { expect, test } from "vitest";
import { containerCommand } from "./container-command.ts";
import type { ContainerStart } from "./image.ts";

const entrypoint = ["/usr/bin/python3", "/program.py"];

test.for<[string, Partial<ContainerStart>, string[]]>([
  ["neither", {}, [...entrypoint, "train"]],
  ["the verb", { verb: "serve" }, [...entrypoint, "serve"]],
  ["an entry point", { entrypoint: ["/bin/bash", "-c"] }, ["/bin/bash", "-c"]],
  ["arguments", { arguments: ["a", "b"] }, [...entrypoint, "a", "b"]],
  ["both", { entrypoint: ["/bin/bash"], arguments: ["-c", "x"] }, ["/bin/bash", "-c", "x"]],
])("given %s", ([, given, command]) => {
  expect(containerCommand(entrypoint, { verb: "train", environment: {}, ...given })).toEqual(command);
});
