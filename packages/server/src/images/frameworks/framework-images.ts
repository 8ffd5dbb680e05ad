import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Bind } from "../../engines/engine.ts";
import type { Log } from "../../log.ts";
import { containerCommand } from "../container-command.ts";
import type { ContainerStart, FrameworkImage, Image, ImageSource, Preparation } from "../image.ts";
import {
  type EnvironmentRecipe,
  type HostPythons,
  libraryRecipe,
  NoEnvironment,
  recipeFor,
  recipeKey,
  systemPython,
  unknownLibrary,
  unknownTag,
} from "./environment-recipe.ts";
import { type Environment, Environments, type KeptEnvironment } from "./environments.ts";
import { ask, findPythons } from "./find-pythons.ts";
import { builtInFrameworks, type FrameworkTable } from "./framework-table.ts";
import type { Progress } from "./install-progress.ts";

/** What runs inside in place of a framework image's own toolkits. */
const toolkit = fileURLToPath(new URL("../../../../../python/container", import.meta.url));
const toolkitTarget = "/opt/sagebrush/python";
/** Where version 3 of the SDK brings the programs that take the place of our toolkit. */
const sdkDrivers = "/opt/ml/input/data/sm_drivers/";

/** How far an image is that is not there, with what a bar needs. */
type Unready =
  | Extract<Preparation, { readonly state: "failed" }>
  | (Extract<Preparation, { readonly state: "preparing" }> & { readonly progress: Progress });

/** The Pythons of a host are looked for again after this long, for those that were installed meanwhile. */
const pythonsMillis = 10 * 60_000;

/**
 * The framework images: a Python environment of the host in place of each. Made on first use; see `Environments`.
 */
export class FrameworkImages implements ImageSource {
  readonly #table: FrameworkTable;
  readonly #environments: Environments;
  #host: { readonly at: number; readonly pythons: Promise<HostPythons> } | undefined;

  constructor(options: { readonly directory: string; readonly log: Log; readonly table?: FrameworkTable }) {
    this.#table = options.table ?? builtInFrameworks;
    const uv = findOnPath("uv");
    this.#environments = new Environments({ ...options, ...(uv !== undefined && { uv }) });
  }

  refusal(image: Image): string | undefined {
    return image.kind === "framework"
      ? unknownTag(this.#table, image)
      : "it is not a framework image that is known here";
  }

  async prepare({ image, start }: { readonly image: Image; readonly start: ContainerStart }): Promise<Ready | Unready> {
    if (image.kind !== "framework") throw new Error(`${image.uri} is no framework's image`);
    const made = await this.#make(() => this.#recipe(image));
    if (made.state !== "ready") return made;
    return { state: "ready", image: preparedImage(made.recipe, made.environment, start) };
  }

  /** Why the library of an image's framework cannot be had on any host, or `undefined`. */
  libraryRefusal(image: FrameworkImage): string | undefined {
    return unknownLibrary(this.#table, image);
  }

  /** How far the shared library of an image's framework is; see `ImageSource.prepare`. */
  async prepareLibrary(image: FrameworkImage): Promise<LibraryPreparation> {
    const made = await this.#make(() => this.#libraryRecipe(image));
    if (made.state !== "ready") return made;
    const packages = join(made.environment.folder, "lib", `python${made.recipe.python.minor}`, "site-packages");
    return { state: "ready", packages, file: libraryFile };
  }

  async #make(recipeOf: () => Promise<EnvironmentRecipe>): Promise<Made> {
    let recipe: EnvironmentRecipe;
    try {
      recipe = await recipeOf();
    } catch (error) {
      if (error instanceof NoEnvironment) return { state: "failed", reason: error.message };
      throw error;
    }
    const made = await this.#environments.prepare(recipe);
    switch (made.state) {
      case "ready":
        return { state: "ready", recipe, environment: made.environment };
      case "preparing":
        return {
          state: "preparing",
          message: `Preparing the environment of ${recipe.title}, which takes a while the first time: ${made.progress.text}`,
          progress: made.progress,
        };
      case "failed":
        return { state: "failed", reason: `The environment of ${recipe.title} could not be made: ${made.reason}` };
    }
  }

  /** Every complete environment, the last used first. */
  list(): Promise<KeptEnvironment[]> {
    return this.#environments.list();
  }

  /** Removes an environment. @returns Whether it did: one that somebody makes is left alone. */
  remove(key: string): Promise<boolean> {
    return this.#environments.remove(key);
  }

  /** Collects environments but those of the images that jobs and endpoints use. */
  async collect(images: Iterable<Image>): Promise<number> {
    const keys = new Set<string>();
    for (const image of images) {
      const wanted = this.#recipeFor(image);
      const recipe = await wanted?.catch(() => undefined); // its Python is gone: so is its environment
      if (recipe) keys.add(recipeKey(recipe));
    }
    return await this.#environments.collect((key) => keys.has(key));
  }

  close(): Promise<void> {
    return this.#environments.close();
  }

  #recipeFor(image: Image): Promise<EnvironmentRecipe> | undefined {
    if (image.kind === "framework") return this.#recipe(image);
    return image.kind === "algorithm" && image.library ? this.#libraryRecipe(image.library) : undefined;
  }

  async #recipe(image: FrameworkImage): Promise<EnvironmentRecipe> {
    return await recipeFor(this.#table, image, await this.#pythons());
  }

  async #libraryRecipe(image: FrameworkImage): Promise<EnvironmentRecipe> {
    return await libraryRecipe(this.#table, image, await this.#pythons());
  }

  async #pythons(): Promise<HostPythons> {
    if (this.#host === undefined || Date.now() - this.#host.at > pythonsMillis) {
      this.#host = { at: Date.now(), pythons: lookAround() };
      this.#host.pythons.catch(() => (this.#host = undefined));
    }
    return await this.#host.pythons;
  }
}

/** How far a library is, and where: a folder of packages, and the file's place in it. */
export type LibraryPreparation =
  | { readonly state: "ready"; readonly packages: string; readonly file: string }
  | Exclude<Preparation, { readonly state: "ready" }>;

type Ready = Extract<Preparation, { readonly state: "ready" }>;
type Made =
  | { readonly state: "ready"; readonly recipe: EnvironmentRecipe; readonly environment: Environment }
  | Unready;

/** Where XGBoost's package has its library; the one framework so far that an algorithm stands on. */
const libraryFile = join("xgboost", "lib", process.platform === "darwin" ? "libxgboost.dylib" : "libxgboost.so");

async function lookAround(): Promise<HostPythons> {
  const modules = new Map<string, ReturnType<HostPythons["systemModule"]>>();
  return {
    pythons: await findPythons(),
    systemModule(module) {
      const found = modules.get(module) ?? systemModule(module);
      modules.set(module, found);
      return found;
    },
  };
}

async function systemModule(module: string): ReturnType<HostPythons["systemModule"]> {
  const python = await ask(systemPython);
  if (!python?.makesEnvironments) return undefined;
  // Of its metadata, since importing a framework takes seconds; Debian's packages have it, too.
  const code = `import importlib.metadata as m; print(m.version(${JSON.stringify(module)}))`;
  try {
    const { stdout } = await promisify(execFile)(systemPython, ["-I", "-c", code], { timeout: 20_000 });
    return { version: stdout.trim(), python };
  } catch {
    return undefined; // it has no such module
  }
}

function preparedImage(recipe: EnvironmentRecipe, { folder, python }: Environment, start: ContainerStart) {
  const { prefix } = recipe.python;
  const byDrivers = start.arguments?.some((word) => word.includes(sdkDrivers)) ?? false;
  const drivers = byDrivers ? forDrivers(recipe, start) : undefined;
  const binds: Bind[] = [
    { source: toolkit, target: toolkitTarget },
    { source: folder, target: folder },
    ...(prefix === "/usr" || prefix.startsWith("/usr/") ? [] : [{ source: prefix, target: prefix }]),
    ...(drivers?.binds ?? []),
  ];
  return {
    root: { kind: "host-tools", binds } as const,
    command: containerCommand([python, "-B", `${toolkitTarget}/main.py`], start),
    environment: {
      PATH: [...(drivers?.path ?? []), join(folder, "bin"), ...systemPath].join(":"),
      VIRTUAL_ENV: folder,
      SAGEBRUSH_FRAMEWORK: recipe.framework,
      LANG: "C.UTF-8",
      PYTHONUNBUFFERED: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      ...start.environment,
      ...drivers?.environment,
    },
    workingDirectory: "/opt/ml",
    notices: recipe.notices,
  };
}

const systemPath = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * What version 3 of the SDK expects of an image whose launchers it brings itself: an SSH server for MPI, in whose place is
 * our remote shell, and packages that only the service's images have.
 */
function forDrivers({ python, packages, systemPackages }: EnvironmentRecipe, { environment }: ContainerStart) {
  const programs = `${toolkitTarget}/programs`;
  const paths = [environment["PYTHONPATH"], `${toolkitTarget}/stand_ins`].filter((path) => path !== undefined);
  // torchrun 1 on these Pythons: see `_torchrun_streams` in the toolkit's launchers.
  const isOld = systemPackages || packages.some((each) => each.startsWith("torch==1."));
  const streams = isOld && Number(python.version.split(".")[1]) >= 11 && { PET_REDIRECTS: "9:1", PET_TEE: "9:1" };
  return {
    binds: [{ source: join(toolkit, "programs", "sshd"), target: "/usr/sbin/sshd" }],
    path: [programs],
    environment: {
      PYTHONPATH: paths.join(":"),
      PET_MONITOR_INTERVAL: "0.1",
      HWLOC_HIDE_ERRORS: "2",
      OMPI_MCA_hwloc_base_binding_policy: "none",
      ...streams,
    },
  };
}

function findOnPath(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}
