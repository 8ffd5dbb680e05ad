import type { RegistryPlace } from "./registry-records.ts";

/** `ACCOUNT.dkr.ecr.REGION.amazonaws.com` and the domains of the other partitions. */
const hostForm =
  /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:amazonaws\.com(?:\.cn)?|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov)(?::\d+)?$/;

/** Whose registry a host name of ECR's form is; `undefined` for any other name. */
export function placeOfHost(host: string): RegistryPlace | undefined {
  const match = hostForm.exec(host);
  return match ? { account: match[1] as string, region: match[2] as string } : undefined;
}
