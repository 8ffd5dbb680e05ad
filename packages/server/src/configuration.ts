import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { CapacitySettings } from "./capacity/capacity.ts";
import { jobQuotas, type Quota } from "./capacity/quotas.ts";
import { ConfigurationError } from "./configuration-error.ts";
import type { MasterKeySource } from "./kms/master-key.ts";
import { networkPolicy } from "./network-policy.ts";
import type { SpotPolicy } from "./spot-policy.ts";

export { ConfigurationError } from "./configuration-error.ts";

/** What the server was told to do, after command line, environment, config file and defaults were merged. */
export interface Configuration {
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  /** Twelve digits. */
  readonly account: string;
  /** The region that `sagebrush env` exports; every region name is answered. */
  readonly region: string;
  /** `open` takes any credentials, on loopback only. */
  readonly auth: "required" | "open";
  /** Accepted Host names besides loopback; the first is used in addresses that the server hands out. */
  readonly publicUrls: readonly string[];
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  readonly insecure: boolean;
  /** Web origins that may call the server from a browser, besides what a bucket's CORS rules allow. */
  readonly allowedOrigins: readonly string[];
  readonly engine: "auto" | "sandbox" | "process" | "docker";
  readonly docker: DockerConfiguration;
  readonly spot: SpotPolicy;
  /** Where the environments of framework images are kept; in the data directory when absent. */
  readonly environmentsDirectory?: string;
  /** A table of frameworks over the built-in one. */
  readonly frameworksFile?: string;
  readonly capacity: CapacitySettings;
  /** How InvokeEndpoint is served. */
  readonly serving?: ServingSettings;
  /** Where the master key of KMS keys comes from, if there is one. */
  readonly masterKey: MasterKeySource;
  /** Host directories by the id of the EFS or FSx file system that they stand for. */
  readonly fileSystems: Readonly<Record<string, string>>;
  /** Seconds without use after which an environment of a serverless endpoint is ended. */
  readonly serverlessIdleSeconds: number;
  /** Where SNS may send messages to; by what the server listens on when empty. */
  readonly snsNetworks: readonly string[];
}

/** How invocations are served. */
export interface ServingSettings {
  /** Most requests in one instance at once; further ones are refused. The data plane's own number where absent. */
  readonly requestsPerInstance?: number;
  /** Most model servers that wait for a model at once. By the machine's memory where absent. */
  readonly spareModelServers?: number;
  /** File with what scrapers of `/metrics` must show. */
  readonly metricsTokenFile?: string;
  /** How many threads serve invocations. By the size of the host where absent. */
  readonly workers?: number;
}

/** How containers are run. */
export interface DockerConfiguration {
  /** Address of Docker or Podman; empty to look for one, `none` for none. */
  readonly host: string;
  /** Name of an OCI runtime; empty for the container engine's default. */
  readonly runtime: string;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
}

interface Setting {
  /** Command-line name without dashes; the config file's key. The environment's is SAGEBRUSH_ and this in capitals. */
  readonly name: string;
  readonly kind: "text" | "flag" | "list";
  readonly argument?: string;
  readonly fallback: string;
  readonly doc: string;
}

/** Every setting, described once: the parser, `sagebrush help` and docs/reference/configuration.md read this table. */
export const settings: readonly Setting[] = [
  {
    name: "data-dir",
    kind: "text",
    argument: "DIR",
    fallback: "~/.sagebrush",
    doc: "Where everything of this installation lives.",
  },
  {
    name: "host",
    kind: "text",
    argument: "ADDRESS",
    fallback: "127.0.0.1",
    doc: "Address to listen on. Anything but loopback needs TLS files or --insecure, and credentials.",
  },
  { name: "port", kind: "text", argument: "N", fallback: "9310", doc: "Port of every service; 0 takes a free one." },
  {
    name: "account",
    kind: "text",
    argument: "ID",
    fallback: "000000000000",
    doc: "The account id in ARNs and registry host names: twelve digits.",
  },
  {
    name: "region",
    kind: "text",
    argument: "NAME",
    fallback: "us-east-1",
    doc: "The region that `sagebrush env` exports. The server answers every region.",
  },
  {
    name: "auth",
    kind: "text",
    argument: "required|open",
    fallback: "required",
    doc: "`open` takes any credentials, as local emulators do; on loopback only.",
  },
  {
    name: "public-url",
    kind: "list",
    argument: "URL",
    fallback: "",
    doc: "An address that clients use instead of the listening one; repeat it for several. The first is handed out.",
  },
  { name: "tls-cert", kind: "text", argument: "FILE", fallback: "", doc: "TLS certificate chain (PEM)." },
  { name: "tls-key", kind: "text", argument: "FILE", fallback: "", doc: "TLS private key (PEM)." },
  {
    name: "insecure",
    kind: "flag",
    fallback: "false",
    doc: "Listen off loopback without TLS. Anyone on the path can read and replay requests.",
  },
  {
    name: "allow-origin",
    kind: "list",
    argument: "ORIGIN",
    fallback: "",
    doc: "A web origin whose pages may call the server; repeat it for several. Bucket CORS rules allow more.",
  },
  {
    name: "engine",
    kind: "text",
    argument: "auto|sandbox|process|docker",
    fallback: "auto",
    doc: "What runs the work: `sandbox` (bubblewrap), `process` (no isolation), `auto` takes the sandbox where it can, and Docker or Podman for container images where one answers; `docker` is `auto` and insists on that.",
  },
  {
    name: "docker-host",
    kind: "text",
    argument: "ADDRESS",
    fallback: "",
    doc: "Where Docker or Podman listens: unix:///path, or `none` to leave it alone. Else DOCKER_HOST, else the usual sockets.",
  },
  {
    name: "docker-runtime",
    kind: "text",
    argument: "NAME",
    fallback: "",
    doc: "OCI runtime of containers, by its name in Docker. Podman reads it from `runtime` in containers.conf instead.",
  },
  {
    name: "docker-ulimit",
    kind: "list",
    argument: "NAME=SOFT:HARD",
    fallback: "",
    doc: "A limit of every container, such as nofile=1024:1024; repeat it for several.",
  },
  {
    name: "capacity",
    kind: "text",
    argument: "shared|strict",
    fallback: "shared",
    doc: "`shared`: instances share the machine, and a type that is larger gets what there is. `strict`: every instance has its type's cores and memory to itself, waits until they are free, and is refused where they never can be.",
  },
  {
    name: "max-instances",
    kind: "text",
    argument: "N",
    fallback: "",
    doc: "Most instances of training and transform jobs at once; further jobs wait. Without it, one for every 512 MiB of memory, at most 64.",
  },
  {
    name: "quota",
    kind: "list",
    argument: "NAME=N",
    fallback: "",
    doc: "What an account may have at once in a region: instances of a type (ml.p3.2xlarge=0; for training and for transform jobs each), training-jobs or transform-jobs; repeat it for several.",
  },
  {
    name: "requests-per-instance",
    kind: "text",
    argument: "N",
    fallback: "1000",
    doc: "Most requests that one instance of an endpoint has at once. Further ones are refused at once with ServiceUnavailable (503), which SDKs repeat; nothing is queued without end.",
  },
  {
    name: "gateway-workers",
    kind: "text",
    argument: "N",
    fallback: "",
    doc: "How many threads serve InvokeEndpoint, all on the same port. Without it, one on hosts of up to seven cores and one for each core on larger ones. More than one needs Linux.",
  },
  {
    name: "spare-model-servers",
    kind: "text",
    argument: "N",
    fallback: "",
    doc: "Most model servers of built-in algorithms that are started in advance, each after an endpoint of its kind, for the next one of the same image, size and execution role. Without it, one for every 8 GiB of memory, at most 4; 0 starts none.",
  },
  {
    name: "metrics-token-file",
    kind: "text",
    argument: "FILE",
    fallback: "",
    doc: "File with the token that scrapers of /metrics send (Authorization: Bearer TOKEN). Without it /metrics is answered only where the server listens on loopback and has no --public-url.",
  },
  {
    name: "spot-discount",
    kind: "text",
    argument: "SHARE",
    fallback: "0.7",
    doc: "What managed spot training saves, 0 to 1: BillableTimeInSeconds is TrainingTimeInSeconds times one less this.",
  },
  {
    name: "spot-interruption-probability",
    kind: "text",
    argument: "P",
    fallback: "0",
    doc: "The probability that a running spot job is interrupted within an hour, from 0 up to, but not including, 1.",
  },
  {
    name: "spot-interruption-minutes",
    kind: "list",
    argument: "MINUTE",
    fallback: "",
    doc: "A minute past every hour (0 to 59) at which all running spot jobs are interrupted; repeat it for several.",
  },
  {
    name: "kms-master-key-file",
    kind: "text",
    argument: "FILE",
    fallback: "",
    doc: "File with the master key of all KMS keys: 32 random bytes in hexadecimal or Base64, readable by its owner only. Keep it apart from the data directory. SAGEBRUSH_KMS_MASTER_KEY may hold the key itself instead.",
  },
  {
    name: "environments-dir",
    kind: "text",
    argument: "DIR",
    fallback: "",
    doc: "Where the Python environments of framework images are kept, to share them between installations; in the data directory otherwise.",
  },
  {
    name: "frameworks",
    kind: "text",
    argument: "FILE",
    fallback: "",
    doc: "A table (JSON) of framework images and their packages, over the built-in one.",
  },
  {
    name: "file-system",
    kind: "list",
    argument: "ID=DIR",
    fallback: "",
    doc: "A host directory that jobs may name as a FileSystemDataSource, with the id that stands for it: `fs-0123abcd=/data/shared`; repeat it for several.",
  },
  {
    name: "serverless-idle",
    kind: "text",
    argument: "SECONDS",
    fallback: "300",
    doc: "How long an environment of a serverless endpoint stays without requests before it is ended; the next request waits for a new one.",
  },
  {
    name: "sns-network",
    kind: "list",
    argument: "public|private|loopback|RANGE",
    fallback: "",
    doc: "Where SNS may send notifications to: public, private or this machine's own addresses, or a range such as 10.1.0.0/16; repeat it for several. Without it, public and private ones, and this machine's own while the server listens on loopback only. Link-local addresses, those of cloud metadata services among them, only by their range.",
  },
];

type Values = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Merges command line, environment (`SAGEBRUSH_PORT`), config file (`--config`, else `config.json` in the data
 * directory) and defaults, in this order of precedence.
 * @throws ConfigurationError naming the setting.
 */
export function readConfiguration(commandLine: Values, environment: NodeJS.ProcessEnv = process.env): Configuration {
  if (lookupEmpty(commandLine, environment)) throw new ConfigurationError("--data-dir must not be empty.");
  const early = first(commandLine["data-dir"]) ?? environment["SAGEBRUSH_DATA_DIR"] ?? "~/.sagebrush";
  const explicit = first(commandLine["config"]) ?? environment["SAGEBRUSH_CONFIG"];
  const file = readConfigFile(explicit ?? join(expandHome(early), "config.json"), explicit !== undefined);
  const lookup = (name: string): string | readonly string[] | undefined =>
    commandLine[name] ?? environment[environmentName(name)] ?? file[name];
  const text = (name: string): string => first(lookup(name)) ?? settingNamed(name).fallback;
  const list = (name: string): string[] => {
    const value = lookup(name);
    if (value === undefined) return [];
    return (typeof value === "string" ? value.split(",") : [...value]).map((item) => item.trim()).filter(Boolean);
  };

  const tlsCert = text("tls-cert");
  const tlsKey = text("tls-key");
  if ((tlsCert === "") !== (tlsKey === "")) {
    throw new ConfigurationError("--tls-cert and --tls-key belong together: give both or neither.");
  }
  const configuration: Configuration = {
    dataDirectory: resolve(expandHome(text("data-dir"))),
    host: text("host"),
    port: portNumber(text("port")),
    account: matching("account", text("account"), /^\d{12}$/, "twelve digits"),
    region: matching("region", text("region"), /^[a-z]{2}(-[a-z]+)+-\d+$/, "a region name such as eu-west-1"),
    auth: oneOf("auth", text("auth"), ["required", "open"]),
    publicUrls: list("public-url").map(publicUrl),
    ...(tlsCert === "" ? {} : { tls: { certificateFile: tlsCert, keyFile: tlsKey } }),
    insecure: oneOf("insecure", text("insecure"), ["true", "false"]) === "true",
    allowedOrigins: list("allow-origin"),
    engine: oneOf("engine", text("engine"), ["auto", "sandbox", "process", "docker"]),
    docker: {
      host: dockerHost(text("docker-host")),
      runtime: text("docker-runtime"),
      ulimits: list("docker-ulimit").map(ulimit),
    },
    capacity: {
      mode: oneOf("capacity", text("capacity"), ["shared", "strict"]),
      ...(text("max-instances") !== "" && { maxInstances: count("--max-instances", text("max-instances"), 1) }),
      quotas: list("quota").map(quota),
    },
    spot: {
      discount: share("spot-discount", text("spot-discount"), 1),
      hourlyProbability: share("spot-interruption-probability", text("spot-interruption-probability"), 1 - 2 ** -52),
      minutesOfHour: list("spot-interruption-minutes").map(minuteOfHour),
    },
    serving: {
      requestsPerInstance: count("--requests-per-instance", text("requests-per-instance"), 1),
      ...(text("gateway-workers") !== "" && { workers: workerCount(text("gateway-workers")) }),
      ...(text("spare-model-servers") !== "" && {
        spareModelServers: count("--spare-model-servers", text("spare-model-servers"), 0),
      }),
      ...(text("metrics-token-file") !== "" && { metricsTokenFile: resolve(expandHome(text("metrics-token-file"))) }),
    },
    masterKey: masterKeySource(text("kms-master-key-file"), environment["SAGEBRUSH_KMS_MASTER_KEY"]),
    ...(text("environments-dir") !== "" && { environmentsDirectory: resolve(expandHome(text("environments-dir"))) }),
    ...(text("frameworks") !== "" && { frameworksFile: resolve(expandHome(text("frameworks"))) }),
    fileSystems: fileSystems(list("file-system")),
    serverlessIdleSeconds: count("--serverless-idle", text("serverless-idle"), 1),
    snsNetworks: snsNetworks(list("sns-network")),
  };
  refuseUnsafe(configuration);
  refuseKeyBesideData(configuration);
  return configuration;
}

function masterKeySource(file: string, text: string | undefined): MasterKeySource {
  return {
    ...(file !== "" && { file: resolve(expandHome(file)) }),
    ...(text !== undefined && text !== "" && { text }),
  };
}

/** The settings that say what runs the work, as the engines take them. */
export function engineSettings({ engine, docker: { host, runtime, ulimits } }: Configuration) {
  return {
    kind: engine,
    dockerHost: host,
    containerSettings: { ulimits, ...(runtime !== "" && { runtime }) },
  };
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Splits a command's arguments by the settings table and further options of its own. */
export function parseCommandLine(
  args: readonly string[],
  extra: Readonly<Record<string, { type: "string" | "boolean"; short?: string }>> = {},
): { values: Record<string, string | string[]>; positionals: string[] } {
  const options: Record<string, { type: "string" | "boolean"; multiple?: boolean; short?: string }> = {
    config: { type: "string" },
    ...extra,
  };
  for (const setting of settings) {
    options[setting.name] =
      setting.kind === "flag" ? { type: "boolean" } : { type: "string", multiple: setting.kind === "list" };
  }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const texts = Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]);
    return { values: Object.fromEntries(texts) as Record<string, string | string[]>, positionals };
  } catch (error) {
    // Node adds advice about arguments that begin with a dash, which no command here takes.
    const [sentence] = (error as Error).message.split(". To specify");
    throw new ConfigurationError(`${sentence?.replace(/\.$/, "")}.`, { cause: error });
  }
}

/** An unset shell variable would otherwise make the current folder ours. */
function lookupEmpty(commandLine: Values, environment: NodeJS.ProcessEnv): boolean {
  return (first(commandLine["data-dir"]) ?? environment["SAGEBRUSH_DATA_DIR"])?.trim() === "";
}

function refuseUnsafe(configuration: Configuration): void {
  if (isLoopback(configuration.host)) return;
  const where = `Listening on ${configuration.host} (not loopback)`;
  if (configuration.auth === "open") {
    throw new ConfigurationError(`${where} with --auth open would let anyone in. Drop one of the two.`);
  }
  if (!configuration.tls && !configuration.insecure) {
    throw new ConfigurationError(`${where} needs --tls-cert and --tls-key, or --insecure to go without.`);
  }
}

/** Whoever copies the data directory would have the key with it. */
function refuseKeyBesideData({ dataDirectory, masterKey: { file } }: Configuration): void {
  if (!file?.startsWith(`${dataDirectory}/`)) return;
  throw new ConfigurationError(
    `--kms-master-key-file ${file} lies in the data directory, whose copies it is to protect: keep it elsewhere.`,
  );
}

function readConfigFile(path: string, required: boolean): Values {
  let content: string;
  try {
    content = readFileSync(expandHome(path), "utf8");
  } catch (error) {
    if (!required && (error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new ConfigurationError(`The config file ${path} cannot be read: ${(error as Error).message}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    throw new ConfigurationError(`The config file ${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ConfigurationError(`The config file ${path} must hold one JSON object.`);
  }
  const values: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (!settings.some((setting) => setting.name === name)) {
      throw new ConfigurationError(`The config file ${path} has an unknown setting "${name}".`);
    }
    values[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
  return values;
}

function settingNamed(name: string): Setting {
  const setting = settings.find((candidate) => candidate.name === name);
  if (!setting) throw new Error(`No setting is called ${name}.`);
  return setting;
}

function environmentName(name: string): string {
  return `SAGEBRUSH_${name.toUpperCase().replaceAll("-", "_")}`;
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

/** Containers use files of this host, so the engine must be one of this host. */
function dockerHost(value: string): string {
  const address = value.trim();
  if (address === "" || address === "none" || /^(unix:\/\/)?\//.test(address)) return address;
  throw new ConfigurationError(`--docker-host must be unix:///path or none, got "${value}".`);
}

function ulimit(value: string): { name: string; soft: number; hard: number } {
  const [, name, soft, hard] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(value) ?? [];
  if (name === undefined) {
    throw new ConfigurationError(`--docker-ulimit must be NAME=SOFT:HARD such as nofile=1024:1024, got "${value}".`);
  }
  return { name, soft: Number(soft), hard: Number(hard ?? soft) };
}

function portNumber(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= 65_535) return port;
  throw new ConfigurationError(`--port must be a number from 0 to 65535, not "${value}".`);
}

/** @param most - The largest value that makes sense. */
function share(name: string, value: string, most: number): number {
  const number = Number(value);
  if (value.trim() !== "" && number >= 0 && number <= most) return number;
  throw new ConfigurationError(
    `--${name} must be a number from 0 to 1${most < 1 ? " (but not 1)" : ""}, not "${value}".`,
  );
}

function count(name: string, value: string, least: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && Number.isSafeInteger(number)) return number;
  throw new ConfigurationError(`${name} must be a whole number from ${least}, not "${value}".`);
}

/** Most gateway workers: beyond the cores of any host they only cost memory. */
const mostWorkers = 256;

function workerCount(value: string): number {
  const workers = count("--gateway-workers", value, 1);
  if (workers > mostWorkers) {
    throw new ConfigurationError(`--gateway-workers must be a whole number from 1 to ${mostWorkers}, not "${value}".`);
  }
  if (workers === 1 || process.platform === "linux") return workers;
  throw new ConfigurationError(
    `--gateway-workers ${workers} needs Linux: this system does not share a port between threads.`,
  );
}

function quota(value: string): Quota {
  const [name = "", limit, ...more] = value.split("=");
  const ofJobs = Object.values(jobQuotas);
  if (limit !== undefined && more.length === 0 && (ofJobs.includes(name) || /^ml\.[a-z0-9.-]+$/.test(name))) {
    return { name, limit: count(`--quota ${name}`, limit, 0) };
  }
  throw new ConfigurationError(
    `--quota must be an instance type, ${ofJobs.join(" or ")} with a number, such as ml.m5.large=4, not "${value}".`,
  );
}

function minuteOfHour(value: string): number {
  const minute = Number(value);
  if (/^\d+$/.test(value) && minute <= 59) return minute;
  throw new ConfigurationError(`--spot-interruption-minutes must be whole numbers from 0 to 59, not "${value}".`);
}

function matching(name: string, value: string, pattern: RegExp, expected: string): string {
  if (pattern.test(value)) return value;
  throw new ConfigurationError(`--${name} must be ${expected}, not "${value}".`);
}

function oneOf<Choice extends string>(name: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found) return found;
  throw new ConfigurationError(`--${name} must be one of ${choices.join(", ")}, not "${value}".`);
}

/** @returns Directories by id. */
function fileSystems(settings: readonly string[]): Record<string, string> {
  const pairs = settings.map((setting) => {
    const [, id, directory] = /^(fs-[0-9a-f]{8,17})=(\/.*|~\/.*)$/s.exec(setting) ?? [];
    if (id !== undefined && directory !== undefined) return [id, resolve(expandHome(directory))] as const;
    throw new ConfigurationError(
      `--file-system must be an id such as fs-0123abcd, an equals sign and an absolute directory, not "${setting}".`,
    );
  });
  const twice = pairs.find(([id], i) => pairs.findIndex(([other]) => other === id) !== i);
  if (twice) throw new ConfigurationError(`--file-system has ${twice[0]} twice.`);
  return Object.fromEntries(pairs);
}

/** @throws ConfigurationError for what is neither a word nor a range. */
function snsNetworks(allowed: readonly string[]): readonly string[] {
  networkPolicy(allowed);
  return allowed;
}

function publicUrl(value: string): string {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new ConfigurationError(`--public-url must be an address such as https://ml.example.com, not "${value}".`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ConfigurationError(`--public-url must begin with http:// or https://, not "${value}".`);
  }
  return url.origin;
}
