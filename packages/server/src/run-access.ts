import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { assumedRole } from "./services/sts/assume-role.ts";
import type { CreateSession, SessionTag } from "./services/sts/session.ts";

/** How code inside runs comes to the platform and to credentials of its execution role. */
export interface RunAccess {
  /**
   * What a run's environment needs, so that any AWS SDK inside calls this server as the run's role.
   * @param isIsolated - Whether the run has a network of its own.
   */
  environment(run: string, region: string, isIsolated: boolean): RunEnvironment;
  /** Answers `GET /_sagebrush/credentials/RUN` as the container credential provider of the SDKs expects it. */
  page(request: IncomingMessage, response: ServerResponse): void;
}

/** Two parts: the caller's own variables may replace the addresses, but not the credentials. */
interface RunEnvironment {
  readonly addresses: Readonly<Record<string, string>>;
  readonly credentials: Readonly<Record<string, string>>;
}

/** Whose credentials a run has. */
export interface RunRole {
  /** ARN of the execution role. */
  readonly arn: string;
  /** What its sessions are tagged with. */
  readonly sessionTags?: readonly SessionTag[];
}

/** Whose credentials a run may have, for as long as it may have them. */
export type RoleOfRun = (run: string) => Promise<RunRole | undefined>;

const pathPrefix = "/_sagebrush/credentials/";
/** The SDKs ask again a quarter of an hour before the end. */
const defaultLifetimeMs = 3600_000;
/** As the sessions of the service's own containers are called. */
const sessionName = "SageMaker";

/**
 * A run's token is derived from its id and the server's secret: a repeated start hands out the same, nothing is stored,
 * and it opens nothing once `roleOf` no longer knows the run.
 */
export function runAccess(options: {
  readonly secret: string;
  /** Where runs find this server: `http://169.254.170.2`, or its own address where they are not isolated. */
  readonly address: (isIsolated: boolean) => string;
  readonly roleOf: RoleOfRun;
  readonly createSession: CreateSession;
  readonly clock: Clock;
  readonly log: Log;
  readonly lifetimeMs?: number;
}): RunAccess {
  const { secret, address, roleOf, createSession, clock, log, lifetimeMs = defaultLifetimeMs } = options;
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", "sagebrush run tokens 1", 32)));
  const tokenOf = (run: string): string => createHmac("sha256", key).update(run).digest("base64url");

  const answer = async (request: IncomingMessage): Promise<{ status: number; body: object }> => {
    const { method, url = "", headers } = request;
    const run = url.startsWith(pathPrefix) ? url.slice(pathPrefix.length) : "";
    if (method !== "GET") return refusal(405, "Only GET is answered here");
    if (!same(headers.authorization ?? "", tokenOf(run))) return refusal(403, "The token is not that of this run");
    const role = await roleOf(run);
    // The same answer for a job that has ended and one that this server does not know yet: SDKs ask three times.
    if (role === undefined) return refusal(403, "The run has no credentials: it has ended, or is cut off");
    const identity = assumedRole(role.arn, sessionName);
    if (identity === undefined) return refusal(403, "The run's execution role is not a role");
    // The wire carries whole seconds; the credentials must not end before the time that was told.
    const expiresAt = Math.ceil((clock.now() + lifetimeMs) / 1000) * 1000;
    const { sessionTags: tags } = role;
    const session = createSession({ ...identity, expiresAt, ...(tags && { tags }) });
    const body = {
      RoleArn: role.arn,
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: session.secretAccessKey,
      Token: session.token,
      Expiration: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z"),
    };
    return { status: 200, body };
  };

  return {
    environment(run, region, isIsolated) {
      const url = address(isIsolated);
      return {
        addresses: { AWS_ENDPOINT_URL: url, S3_ENDPOINT_URL: url },
        credentials: {
          AWS_REGION: region,
          AWS_DEFAULT_REGION: region,
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}${pathPrefix}${run}`,
          AWS_CONTAINER_AUTHORIZATION_TOKEN: tokenOf(run),
        },
      };
    },
    page(request, response) {
      answer(request).then(
        ({ status, body }) => send(response, status, body),
        (error: unknown) => {
          log.error("Credentials for a run could not be given.", { error });
          send(response, 500, { code: "InternalFailure", message: "The server failed; its log says how" });
        },
      );
    },
  };
}

function refusal(status: number, message: string): { status: number; body: object } {
  return { status, body: { code: status === 405 ? "MethodNotAllowed" : "AccessDenied", message } };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

/** Compares in a time that tells nothing. */
function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
