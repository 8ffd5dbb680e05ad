import type { ServiceError } from "../../errors.ts";
import type { StoredRecord } from "../../store/store.ts";
import type { OperationPlace } from "../service.ts";
import type { Resource } from "./define-resource.ts";

/** Most records that one look for an ARN reads at once. */
const pageSize = 1000;

/**
 * The record of a name or ARN. ARNs are in lower case, whatever the name was, so that one of a name with capital letters is
 * found by looking through the kind.
 * @throws What `notFound` makes: also for an ARN of another account or region.
 */
export async function findByNameOrArn<Value extends { readonly arn: string }>(
  resource: Pick<Resource<Value, unknown, unknown>, "kind" | "key" | "get">,
  nameOrArn: string,
  context: OperationPlace,
  notFound: (arn: string) => ServiceError,
): Promise<StoredRecord<Value>> {
  const { scope, platform } = context;
  if (!nameOrArn.startsWith("arn:")) return resource.get(context, nameOrArn);
  const [, service, region, account, kind, name = ""] =
    /^arn:[a-z-]+:([a-z]+):([a-z0-9-]*):(\d*):([a-z-]+)\/(.+)$/.exec(nameOrArn) ?? [];
  const isOurs = region === scope.region && account === scope.account;
  if (service !== "sagemaker" || !isOurs || kind !== resource.kind) throw notFound(nameOrArn);
  const exact = await platform.store.get<Value>(resource.key(scope, name));
  if (exact) return exact;
  let token: string | undefined;
  do {
    const query = { kind, account, region, limit: pageSize, ...(token !== undefined && { token }) };
    const page = await platform.store.list<Value>(query);
    const found = page.records.find(({ value }) => value.arn === nameOrArn);
    if (found) return found;
    token = page.next;
  } while (token !== undefined);
  throw notFound(nameOrArn);
}
