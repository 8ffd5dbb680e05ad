import { createHash } from "node:crypto";
import type { FrameworkImage } from "../image.ts";
import { minorOf, type Python } from "./find-pythons.ts";
import { type FrameworkTable, type FrameworkVersion, frameworkOf, pythonOf, versionOf } from "./framework-table.ts";

/** How an environment is made. */
export interface EnvironmentRecipe {
  /** For messages: `PyTorch, tag 1.13.1-cpu-py39`. */
  readonly title: string;
  /** `PyTorch`: chooses the inference server's default handlers. */
  readonly framework: string;
  readonly python: Python;
  readonly packages: readonly string[];
  /** Whether the interpreter's own packages are seen from it. */
  readonly systemPackages: boolean;
  /** Whether this is for a shared library in the packages: they come without what they depend on, for any Python. */
  readonly isLibrary: boolean;
  /** What the owner of a run should know. */
  readonly notices: readonly string[];
}

/** In every environment: code that is a package is built with them. */
const always = ["setuptools<81", "wheel"];

/** Where the distribution's own builds of frameworks are. */
export const systemPython = "/usr/bin/python3";

/** What a host has to make environments from. */
export interface HostPythons {
  readonly pythons: readonly Python[];
  /** Version of a module that the system's Python can import, and that Python; `undefined` when it cannot. */
  systemModule(module: string): Promise<{ readonly version: string; readonly python: Python } | undefined>;
}

/** The image cannot be had on this host; the message says what would do. */
export class NoEnvironment extends Error {
  override readonly name = "NoEnvironment";
}

/**
 * Chooses how the environment of an image is made here: the distribution's own build where the table names one that is
 * there, else pip's packages on the image's Python, else on the best other one that they install on.
 * @throws NoEnvironment when the host has no Python that would do.
 */
export async function recipeFor(
  table: FrameworkTable,
  image: FrameworkImage,
  host: HostPythons,
): Promise<EnvironmentRecipe> {
  const { framework, version } = entryOf(table, image);
  const title = `${framework}, tag ${image.tag}`;
  const wanted = pythonOf(version, image.tag);
  const system = version.system && (await host.systemModule(version.system.module));
  if (version.system && system && isVersion(system.version, image.tag)) {
    const { module, packages } = version.system;
    const notice = `${module} ${system.version} is this host's own (${systemPython}), not pip's.`;
    const notices = [notice, ...pythonNotice(image.tag, wanted, system.python)];
    return {
      title,
      framework,
      python: system.python,
      packages: [...packages, ...always],
      systemPackages: true,
      isLibrary: false,
      notices,
    };
  }
  const python = choosePython(version, wanted, host.pythons);
  if (python === undefined) {
    const there = host.pythons.filter((each) => each.makesEnvironments).map((each) => each.version);
    throw new NoEnvironment(
      `Image ${image.uri} needs a Python ${version.needs.replace("-", " to ")} with venv and pip, and this host has ${there.join(", ") || "none"}. Install one (Debian: python3-venv), or choose another tag: ${tagsOf(table, image.repository)}.`,
    );
  }
  const notices = pythonNotice(image.tag, wanted, python);
  const packages = [...version.packages, ...always];
  return { title, framework, python, packages, systemPackages: false, isLibrary: false, notices };
}

/**
 * Chooses how the shared library of an image's framework is had here. Python only installs it.
 * @throws NoEnvironment when the host has no Python that could.
 */
export async function libraryRecipe(
  table: FrameworkTable,
  image: FrameworkImage,
  host: Pick<HostPythons, "pythons">,
): Promise<EnvironmentRecipe> {
  const { framework, version } = entryOf(table, image);
  const refusal = unknownLibrary(table, image);
  if (version.library === undefined || refusal !== undefined)
    throw new NoEnvironment(`Image ${image.uri}: ${refusal}.`);
  const python = host.pythons.find(({ makesEnvironments }) => makesEnvironments);
  if (python === undefined) {
    throw new NoEnvironment(
      `Image ${image.uri} needs a Python 3 with venv and pip to install its library, and this host has none. Install one (Debian: python3-venv).`,
    );
  }
  const title = `the library of ${framework}, tag ${image.tag}`;
  return { title, framework, python, packages: version.library, systemPackages: false, isLibrary: true, notices: [] };
}

/** Why no library of this image can be had on any host, or `undefined`. */
export function unknownLibrary(table: FrameworkTable, image: FrameworkImage): string | undefined {
  const framework = frameworkOf(table, image.repository);
  if (framework && versionOf(framework, image.tag)?.library) return undefined;
  const tags = Object.entries(framework?.versions ?? {}).filter(([, { library }]) => library !== undefined);
  return `tag ${image.tag} of ${image.repository} cannot be had as an algorithm; these can: ${tags.map(([tag]) => tag).join(", ")}`;
}

/** Why no environment of this image can exist on any host, or `undefined`. */
export function unknownTag(table: FrameworkTable, image: FrameworkImage): string | undefined {
  const framework = frameworkOf(table, image.repository);
  if (framework && versionOf(framework, image.tag)) return undefined;
  return `tag ${image.tag} of ${image.repository} cannot be had; these can: ${tagsOf(table, image.repository)}`;
}

/** Names what an environment is made of: equal recipes share one. */
export function recipeKey({ python, packages, systemPackages, isLibrary }: EnvironmentRecipe): string {
  const kind = isLibrary ? "library" : systemPackages;
  const parts = [process.platform, process.arch, python.executable, python.version, kind, ...packages];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}

function entryOf(table: FrameworkTable, image: FrameworkImage): { framework: string; version: FrameworkVersion } {
  const framework = frameworkOf(table, image.repository);
  const version = framework && versionOf(framework, image.tag);
  if (!framework || !version) throw new NoEnvironment(`Image ${image.uri}: ${unknownTag(table, image)}.`);
  return { framework: framework.framework, version };
}

function tagsOf(table: FrameworkTable, repository: string): string {
  return Object.keys(frameworkOf(table, repository)?.versions ?? {}).join(", ");
}

/** Whether major and minor version are the tag's. Not more: Debian's torch 1.13.1 calls itself 1.13.0a0. */
function isVersion(found: string, tag: string): boolean {
  const minor = (version: string | undefined) => /^\d+\.\d+/.exec(version ?? "")?.[0];
  return minor(found) !== undefined && minor(found) === minor(tag);
}

function choosePython(version: FrameworkVersion, wanted: string, pythons: readonly Python[]): Python | undefined {
  const [first = 0, last = 0] = version.needs.split("-").map((each) => minorOf({ minor: each }));
  const able = pythons.filter((each) => each.makesEnvironments && minorOf(each) >= first && minorOf(each) <= last);
  return able.find(({ minor }) => minor === wanted) ?? able[0];
}

function pythonNotice(tag: string, wanted: string, python: Python): string[] {
  if (python.minor === wanted) return [];
  return [`The image of tag ${tag} has Python ${wanted}; here it runs on Python ${python.version}.`];
}
