import { validationException } from "../../../errors.ts";
import type { StoredRecord } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";
import type { AlgorithmValue } from "./algorithm-record.ts";
import { algorithms } from "./resource.ts";

/** The name in what may be a name or an ARN. @throws ValidationException for an ARN of another place. */
export function algorithmName(nameOrArn: string, { scope }: OperationContext): string {
  if (!nameOrArn.startsWith("arn:")) return nameOrArn;
  const [, region, account, name = ""] =
    /^arn:[a-z-]+:sagemaker:([a-z0-9-]*):(\d*):algorithm\/(.+)$/.exec(nameOrArn) ?? [];
  if (region === scope.region && account === scope.account) return name;
  throw validationException(`Algorithm ${nameOrArn} does not exist.`);
}

/** The algorithm of a name or ARN; ARNs are in lower case, whatever the name was. @throws ValidationException. */
export async function findAlgorithm(
  nameOrArn: string,
  context: OperationContext,
): Promise<StoredRecord<AlgorithmValue>> {
  const name = algorithmName(nameOrArn, context);
  if (!nameOrArn.startsWith("arn:")) return algorithms.get(context, name);
  const exact = await context.platform.store.get<AlgorithmValue>(algorithms.key(context.scope, name));
  if (exact) return exact;
  let token: string | undefined;
  do {
    const { account, region } = context.scope;
    const query = { kind: algorithms.kind, account, region, limit: 1000, ...(token !== undefined && { token }) };
    const page = await context.platform.store.list<AlgorithmValue>(query);
    const found = page.records.find(({ value }) => value.arn === nameOrArn);
    if (found) return found;
    token = page.next;
  } while (token !== undefined);
  throw validationException(`Algorithm ${nameOrArn} does not exist.`);
}
