import { InvalidPageToken, type ListQuery, type StoredRecord } from "../../store/store.ts";
import type { OperationPlace } from "../service.ts";
import { invalid, invalidNextToken } from "./errors.ts";
import { checkId, checkNamespace } from "./scalable-id.ts";

/** Members that the Describe operations share. */
interface DescribeInput {
  readonly ServiceNamespace: string;
  readonly ResourceId?: string | undefined;
  readonly ScalableDimension?: string | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

const mostResults = 50;

/**
 * One page of records whose names begin with a target's id, all of them or those of a resource, of a dimension.
 * @throws ServiceError when the question contradicts itself, or the token is not one of it.
 */
export async function pageOf<Value extends { readonly resourceId: string; readonly dimension: string }>(
  kind: string,
  input: DescribeInput,
  { scope, platform }: OperationPlace,
  query: Pick<ListQuery, "sortBy" | "descending" | "statusNot"> = {},
): Promise<{ records: readonly StoredRecord<Value>[]; next: { NextToken?: string } }> {
  checkNamespace(input.ServiceNamespace);
  const { ResourceId: resource, ScalableDimension: dimension, MaxResults: limit = mostResults } = input;
  if (limit < 1 || limit > mostResults) throw invalid(`MaxResults must be between 1 and ${mostResults}.`);
  if (dimension !== undefined && resource === undefined) {
    throw invalid("ResourceId must be specified when ScalableDimension is specified.");
  }
  if (resource !== undefined && dimension !== undefined) checkId(resource, dimension);
  const prefix = resource === undefined ? "" : `${resource} ${dimension === undefined ? "" : dimension}`;
  try {
    const { records, next } = await platform.store.list<Value>({
      ...{ kind, account: scope.account, region: scope.region, prefix, limit, ...query },
      ...(input.NextToken !== undefined && { token: input.NextToken }),
    });
    return { records, next: next === undefined ? {} : { NextToken: next } };
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidNextToken();
    throw error;
  }
}
