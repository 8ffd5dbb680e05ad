import { readFileSync } from "node:fs";
import { ConfigurationError } from "../../configuration-error.ts";

/** What one version of a framework's image becomes on a host. */
export interface FrameworkVersion {
  /** Python of the image, where its tag does not say: `3.10`. */
  readonly python: string;
  /** Pythons that the packages can be installed on, first and last: `3.9-3.12`. */
  readonly needs: string;
  /** What pip is asked for. */
  readonly packages: readonly string[];
  /**
   * The distribution's own build of the framework, taken where /usr/bin/python3 can import `module` in this version:
   * light where pip's would be gigabytes. `packages` are then installed beside it, and those above are not.
   */
  readonly system?: { readonly module: string; readonly packages: readonly string[] };
  /** What pip is asked for, without what it depends on, to have the framework's shared library alone. */
  readonly library?: readonly string[];
}

/** One framework with its images. */
export interface Framework {
  /** For people: `PyTorch`. */
  readonly framework: string;
  /** Names of its image repositories, those for training and for inference. */
  readonly repositories: readonly string[];
  /** Column of the account table; frameworks of the user's own need none. */
  readonly accounts?: "xgboost" | "deep-learning" | "base-python";
  /**
   * By what a tag begins with, part by part: `2.1` has `2.1.0-cpu-py310`, `1.4-2` has `1.4-2-cpu-py3`, and
   * `2.1-transformers4.36` has `2.1.0-transformers4.36.0-gpu-py310`.
   */
  readonly versions: Readonly<Record<string, FrameworkVersion>>;
}

/** Every framework that this installation knows. */
export type FrameworkTable = readonly Framework[];

/** The table that comes with the platform. */
export const builtInFrameworks = readTable(new URL("./frameworks.json", import.meta.url));

/**
 * The table with a user's own over it: versions replace those of the same name, other frameworks are added.
 * @throws ConfigurationError when the file cannot be read or has another shape.
 */
export function extendedTable(path: string): FrameworkTable {
  const own = readTable(path);
  const merged = builtInFrameworks.map((framework) => {
    const over = own.find(({ repositories }) => repositories.some((each) => framework.repositories.includes(each)));
    if (!over) return framework;
    const repositories = [...new Set([...framework.repositories, ...over.repositories])];
    return { ...framework, ...over, repositories, versions: { ...framework.versions, ...over.versions } };
  });
  const taken = new Set(merged.flatMap(({ repositories }) => repositories));
  return [...merged, ...own.filter(({ repositories }) => !repositories.some((each) => taken.has(each)))];
}

/** The framework that a repository holds images of. */
export function frameworkOf(table: FrameworkTable, repository: string): Framework | undefined {
  return table.find(({ repositories }) => repositories.includes(repository));
}

/** The version that a tag means: the longest name that the tag begins with. */
export function versionOf(framework: Framework, tag: string): FrameworkVersion | undefined {
  const names = Object.keys(framework.versions).filter((name) => beginsWith(tag, name));
  const best = names.sort((a, b) => b.length - a.length)[0];
  return best === undefined ? undefined : framework.versions[best];
}

/** The Python that an image has: of its tag (`py310`), else of the table. */
export function pythonOf(version: FrameworkVersion, tag: string): string {
  const digits = /(?:^|-)py3(\d{1,2})(?:-|$)/.exec(tag)?.[1];
  return digits === undefined ? version.python : `3.${digits}`;
}

/** Whether each part of `name` is that of the tag, or what it says in fewer digits. */
function beginsWith(tag: string, name: string): boolean {
  const parts = tag.split("-");
  return name.split("-").every((wanted, index) => {
    const part = parts[index];
    return part !== undefined && (part === wanted || part.startsWith(`${wanted}.`));
  });
}

function readTable(path: string | URL): FrameworkTable {
  const refuse = (what: string) => new ConfigurationError(`The table of frameworks ${String(path)} ${what}.`);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw refuse(`cannot be read: ${(error as Error).message}`);
  }
  let table: unknown;
  try {
    table = JSON.parse(text);
  } catch (error) {
    throw refuse(`is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(table)) throw refuse("must hold a list");
  for (const [index, entry] of table.entries()) {
    const wrong = faultOf(entry);
    if (wrong !== undefined) throw refuse(`is wrong at entry ${index + 1}: ${wrong}`);
  }
  return table as FrameworkTable;
}

function texts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "");
}

function faultOf(entry: unknown): string | undefined {
  if (typeof entry !== "object" || entry === null) return "it must be an object";
  const { framework, repositories, versions } = entry as Partial<Framework>;
  if (typeof framework !== "string") return '"framework" must be its name';
  if (!texts(repositories) || repositories.length === 0) return '"repositories" must list names of image repositories';
  if (typeof versions !== "object" || versions === null) return '"versions" must be an object';
  for (const [name, version] of Object.entries(versions)) {
    const { python, needs, packages, system, library } = version as Partial<FrameworkVersion>;
    if (!/^3\.\d+$/.test(String(python))) return `"python" of version ${name} must be such as 3.11`;
    if (!/^3\.\d+-3\.\d+$/.test(String(needs))) return `"needs" of version ${name} must be such as 3.9-3.12`;
    if (!texts(packages)) return `"packages" of version ${name} must list what pip is asked for`;
    if (library !== undefined && !texts(library)) return `"library" of version ${name} must list what pip is asked for`;
    if (system !== undefined && system !== null && !(/^\w+$/.test(system.module) && texts(system.packages)))
      return `"system" of version ${name} must have "module" and "packages"`;
  }
  return undefined;
}
