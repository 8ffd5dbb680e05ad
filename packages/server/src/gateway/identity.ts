import { executionRoles, uniqueRoleId } from "../execution-roles.ts";
import { partitionOf } from "../scope.ts";
import type { Principal } from "../services/service.ts";
import type { Credentials } from "./credentials.ts";
import type { Exchange } from "./exchange.ts";

/** The role that every caller with the server's own key pair acts as. The SDKs take it as the execution role. */
const [executionRole] = executionRoles;

/** The session name of callers with the server's own key pair. */
const sessionName = "sagebrush";

/** Sets who calls, and where: from the credentials, the configuration and the credential scope's region. */
export function establish(exchange: Exchange, credentials: Credentials | undefined, region: string): void {
  const { configuration } = exchange.gateway.platform;
  const partition = partitionOf(region);
  const account = credentials?.session?.account ?? accountOf(credentials, configuration);
  exchange.scope = { partition, account, region };
  exchange.principal = principalOf(credentials, partition, account);
}

/** Under `--auth open` an access key id of twelve digits names an account, so that tests can have several. */
function accountOf(
  credentials: Credentials | undefined,
  configuration: { readonly account: string; readonly auth: string },
): string {
  const key = credentials?.accessKeyId ?? "";
  return configuration.auth === "open" && /^\d{12}$/.test(key) ? key : configuration.account;
}

/** Principals never change for one key, partition and account: the last one is kept for the hot path. */
let last: { key: string; partition: string; account: string; principal: Principal } | undefined;

function principalOf(credentials: Credentials | undefined, partition: string, account: string): Principal {
  if (!credentials) return { arn: "anonymous", userId: "anonymous" };
  const { accessKeyId, session } = credentials;
  if (session) {
    const { arn, userId, tags: sessionTags } = session;
    return { arn, accessKeyId, userId, ...(sessionTags && { sessionTags }) };
  }
  if (last?.key === accessKeyId && last.partition === partition && last.account === account) return last.principal;
  const principal = {
    arn: `arn:${partition}:sts::${account}:assumed-role/${executionRole}/${sessionName}`,
    accessKeyId,
    userId: `${uniqueRoleId(account, executionRole)}:${sessionName}`,
  };
  last = { key: accessKeyId, partition, account, principal };
  return principal;
}
