import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** What opens a registry. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  /** In place of a password, where a registry gave one. */
  readonly identityToken?: string;
}

/** Docker's configuration and Podman's, as far as they say who we are to a registry. */
interface AuthFile {
  readonly auths?: Readonly<
    Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string } | null>
  >;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** Under this name Docker Hub's credentials are kept. */
const hubKey = "https://index.docker.io/v1/";
const helperMillis = 30_000;
const helperForm = /^[A-Za-z0-9._-]+$/;

/**
 * Finds the credentials for a repository where `docker login` and `podman login` leave them: Docker's config.json and
 * Podman's auth.json, in the order in which Podman looks, with the programs that they name.
 * @param registry - Host and port; undefined for Docker Hub.
 * @returns undefined where nobody logged in.
 */
export async function findCredentials(
  registry: string | undefined,
  repository: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<RegistryCredentials | undefined> {
  for (const path of authFiles(environment)) {
    const file = await readAuthFile(path);
    const found = file && (await credentialsOf(file, registry, repository, environment));
    if (found) return found;
  }
  return undefined;
}

function authFiles(environment: NodeJS.ProcessEnv): string[] {
  const home = environment["HOME"] ?? homedir();
  const {
    REGISTRY_AUTH_FILE: named,
    XDG_RUNTIME_DIR: runtime,
    XDG_CONFIG_HOME: config,
    DOCKER_CONFIG: docker,
  } = environment;
  return [
    ...(named ? [named] : []),
    ...(runtime ? [join(runtime, "containers/auth.json")] : []),
    `/run/containers/${process.geteuid?.() ?? 0}/auth.json`,
    join(config || join(home, ".config"), "containers/auth.json"),
    join(docker || join(home, ".docker"), "config.json"),
  ];
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return undefined; // not there, or not for us to read: nobody logged in by it
  }
  try {
    return JSON.parse(text) as AuthFile;
  } catch (error) {
    throw new Error(`${path} is not JSON`, { cause: error });
  }
}

async function credentialsOf(
  file: AuthFile,
  registry: string | undefined,
  repository: string,
  environment: NodeJS.ProcessEnv,
): Promise<RegistryCredentials | undefined> {
  const keys = keysOf(registry, repository);
  for (const key of keys) {
    const helper = file.credHelpers?.[key];
    const found = helper === undefined ? undefined : await askHelper(helper, key, environment);
    if (found) return found;
  }
  for (const key of keys) {
    const entry = file.auths?.[key];
    const found = entry && decoded(entry);
    if (found) return found;
  }
  return file.credsStore === undefined ? undefined : askHelper(file.credsStore, keys.at(-1) as string, environment);
}

/** The most specific first: Podman keeps credentials for parts of a registry too. */
function keysOf(registry: string | undefined, repository: string): string[] {
  if (registry === undefined || registry === "docker.io") return [hubKey, "docker.io", "index.docker.io"];
  const parts = repository.split("/");
  const nested = parts.map((_, index) => `${registry}/${parts.slice(0, parts.length - index).join("/")}`);
  return [...nested, `https://${registry}`, registry];
}

function decoded(entry: NonNullable<NonNullable<AuthFile["auths"]>[string]>): RegistryCredentials | undefined {
  const [username = "", ...rest] = Buffer.from(entry.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  const found = {
    username: entry.username ?? username,
    password: entry.password ?? rest.join(":").replace(/\0+$/, ""),
    ...(entry.identitytoken !== undefined && { identityToken: entry.identitytoken }),
  };
  // `docker login` leaves an empty entry where a helper has the secret.
  return found.username === "" && found.identityToken === undefined ? undefined : found;
}

/** Asks `docker-credential-NAME get`. One that knows nothing ends with 1. */
function askHelper(
  name: string,
  server: string,
  environment: NodeJS.ProcessEnv,
): Promise<RegistryCredentials | undefined> {
  if (!helperForm.test(name)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const options = { env: environment, timeout: helperMillis, maxBuffer: 2 ** 20 };
    const helper = execFile(`docker-credential-${name}`, ["get"], options, (error, output) => {
      if (error) return resolve(undefined);
      const { Username = "", Secret = "" } = JSON.parse(output) as { Username?: string; Secret?: string };
      resolve(
        Username === "<token>"
          ? { username: "", password: "", identityToken: Secret }
          : { username: Username, password: Secret },
      );
    });
    helper.stdin?.on("error", () => {}); // it ended without reading: the callback says so
    helper.stdin?.end(server);
  });
}
