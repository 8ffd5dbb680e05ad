import { posix } from "node:path";

/** What an image says of itself, as far as a run needs it. Exposed ports and labels are for people. */
export interface ImageConfig {
  /** `amd64`, `arm64`, as Go calls them. */
  readonly architecture: string;
  readonly os: string;
  readonly entrypoint: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** A path inside; `/` when the image says nothing. */
  readonly workingDirectory: string;
  /** `USER`, as it is written: a name or a number, perhaps with a group behind a colon; empty for root. */
  readonly user: string;
}

/** The blob is no configuration of a container image; the message says why. */
export class InvalidImageConfig extends Error {
  override readonly name = "InvalidImageConfig";
}

/** What Docker sets for images that say nothing. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Reads an image's configuration, of Docker's kind or of the OCI's. @throws InvalidImageConfig */
export function parseImageConfig(content: Uint8Array): ImageConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(content).toString("utf8"));
  } catch (cause) {
    throw new InvalidImageConfig("its configuration is not JSON", { cause });
  }
  const { architecture, os, rootfs, config } = (parsed ?? {}) as Record<string, unknown>;
  if (typeof rootfs !== "object" || rootfs === null) throw new InvalidImageConfig("it has no root file system");
  const { Entrypoint, Env, WorkingDir, User } = (config ?? {}) as Record<string, unknown>;
  return {
    architecture: typeof architecture === "string" ? architecture : "",
    os: typeof os === "string" ? os : "",
    entrypoint: texts(Entrypoint, "Entrypoint"),
    environment: { PATH: defaultPath, ...Object.fromEntries(texts(Env, "Env").map(splitVariable)) },
    workingDirectory: posix.resolve("/", typeof WorkingDir === "string" ? WorkingDir : ""),
    user: typeof User === "string" ? User : "",
  };
}

function texts(value: unknown, name: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value as string[];
  throw new InvalidImageConfig(`its ${name} is not a list of texts`);
}

function splitVariable(pair: string): [name: string, value: string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** This machine's architecture in the words of images. */
export function hostArchitecture(arch: string = process.arch): string {
  return { x64: "amd64", ia32: "386" }[arch] ?? arch;
}
