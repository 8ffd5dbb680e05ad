import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runtimeRun } from "./algorithm-image.ts";
import type { Image, ImageRequest, ImageSource, Preparation } from "./image.ts";
import type { NodePackages } from "./node-packages.ts";
import { onnxRuntimeVersion } from "./onnx-uri.ts";
import { systemLibraries } from "./system-libraries.ts";

const name = "onnxruntime-node";
/** Where a run sees the packages. */
const target = "/opt/sagebrush/onnxruntime/node_modules";

/** The image that serves ONNX models: our own server, and ONNX Runtime, which is installed on first use. */
export class OnnxImages implements ImageSource {
  readonly #packages: NodePackages;

  constructor(packages: NodePackages) {
    this.#packages = packages;
  }

  refusal(image: Image): string | undefined {
    return image.kind === "onnx" ? undefined : "it is not the image of ONNX Runtime";
  }

  async prepare({ image, start }: ImageRequest): Promise<Preparation> {
    if (image.kind !== "onnx") throw new Error(`${image.uri} is not the image of ONNX Runtime`);
    if (start.verb !== "serve") {
      return { state: "failed", reason: `Image ${image.uri} serves models of ONNX Runtime and trains none.` };
    }
    const made = this.#packages.prepare({ name, version: onnxRuntimeVersion, prune: keepOwnPlatform });
    if (made.state !== "ready") return made;
    const native = join(made.folder, name, binaries, process.platform, process.arch);
    const needed = (await librariesIn(native)).map((file) => systemLibraries(join(native, file)));
    const binds = [{ source: made.folder, target }, ...(await Promise.all(needed)).flat()];
    const unique = [...new Map(binds.map((bind) => [bind.target, bind])).values()];
    return { state: "ready", image: runtimeRun("onnx", start, { binds: unique, file: target }) };
  }
}

/** Of the package: a folder for each platform, and in it one for each architecture. */
const binaries = join("bin", "napi-v6");

async function librariesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []); // none for this platform: loading says so
  return names.filter((file) => file.endsWith(".node") || file.includes(".so"));
}

/** The binaries of other platforms are three quarters of the package. */
async function keepOwnPlatform(packages: string): Promise<void> {
  const folder = join(packages, name, binaries);
  for (const platform of await readdir(folder)) {
    const isOurs = platform === process.platform;
    if (!isOurs) await rm(join(folder, platform), { recursive: true });
    else {
      for (const architecture of await readdir(join(folder, platform))) {
        if (architecture !== process.arch) await rm(join(folder, platform, architecture), { recursive: true });
      }
    }
  }
}
