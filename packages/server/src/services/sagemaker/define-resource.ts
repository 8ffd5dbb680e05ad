import { invariant, type ServiceError, validationException } from "../../errors.ts";
import { type Scope, sagemakerArn } from "../../scope.ts";
import { InvalidPageToken, type ListQuery, type RecordKey, type StoredRecord, type Write } from "../../store/store.ts";
import type { OperationContext, OperationPlace } from "../service.ts";
import { dropTags } from "./tags/tags-record.ts";

/** What makes one SageMaker noun differ from the next, as far as List, Describe and Delete go. */
export interface ResourceOptions<Value, Summary, Description> {
  /** Record kind, which is also the ARN's resource type: `training-job`. */
  readonly kind: string;
  /** SageMaker's defaults differ by noun; see the List operation's reference page. */
  readonly defaultOrder: "Ascending" | "Descending";
  /** The error for a name that is not there. SageMaker words it by noun. */
  notFound(arn: string, name: string): ServiceError;
  /** One line of the list. */
  summarize(record: StoredRecord<Value>, context: OperationContext): Summary;
  /** The whole resource. */
  describe(record: StoredRecord<Value>, context: OperationContext): Description | Promise<Description>;
  /** Throws where the resource may not be deleted now. */
  checkDelete?(record: StoredRecord<Value>, context: OperationContext): void;
}

/** Members that SageMaker's uniform List operations share. Each operation models a subset. */
interface ListInput {
  readonly NextToken?: string | undefined;
  readonly MaxResults?: number | undefined;
  readonly SortBy?: string | undefined;
  readonly SortOrder?: string | undefined;
  readonly NameContains?: string | undefined;
  readonly CreationTimeAfter?: Date | undefined;
  readonly CreationTimeBefore?: Date | undefined;
  readonly LastModifiedTimeAfter?: Date | undefined;
  readonly LastModifiedTimeBefore?: Date | undefined;
  readonly StatusEquals?: string | undefined;
}

/** The uniform verbs of one noun. */
export interface Resource<Value, Summary, Description> {
  readonly kind: string;
  key(scope: Scope, name: string): RecordKey;
  arn(scope: Scope, name: string): string;
  /** The record. @throws The noun's not-found error. */
  get(context: OperationPlace, name: string): Promise<StoredRecord<Value>>;
  /** One page; `next` is spread into the answer: `{ Models: page.summaries, ...page.next }`. */
  list(
    input: ListInput,
    context: OperationContext,
  ): Promise<{ readonly summaries: Summary[]; readonly next: { readonly NextToken?: string } }>;
  describe(context: OperationContext, name: string): Promise<Description>;
  /** Deletes the record and its tags. @throws The noun's not-found error. */
  remove(context: OperationContext, name: string): Promise<void>;
}

/** Declares a noun once; its List, Describe and Delete operations are then one line each. */
export function defineResource<Value, Summary, Description>(
  options: ResourceOptions<Value, Summary, Description>,
): Resource<Value, Summary, Description> {
  const key = (scope: Scope, name: string): RecordKey => recordKey(scope, options.kind, name);
  const arn = (scope: Scope, name: string) => sagemakerArn(scope, `${options.kind}/${name}`);
  const get = async (context: OperationPlace, name: string) => {
    const record = await context.platform.store.get<Value>(key(context.scope, name));
    if (!record) throw options.notFound(arn(context.scope, name), name);
    return record;
  };
  return {
    kind: options.kind,
    key,
    arn,
    get,
    async list(input, context) {
      const query = listQuery(options.kind, options.defaultOrder, input, context.scope);
      const page = await listPage<Value>(query, context);
      return {
        summaries: page.records.map((record) => options.summarize(record, context)),
        next: page.next === undefined ? {} : { NextToken: page.next },
      };
    },
    async describe(context, name) {
      return options.describe(await get(context, name), context);
    },
    async remove(context, name) {
      const record = await get(context, name);
      options.checkDelete?.(record, context);
      const deletion: Write = { op: "delete", key: key(context.scope, name), version: record.version };
      await context.platform.store.write([
        deletion,
        ...(await dropTags(context.platform.store, context.scope, arn(context.scope, name))),
      ]);
    },
  };
}

/** Where a resource of this account and region is found. */
function recordKey(scope: Scope, kind: string, name: string): RecordKey {
  return { account: scope.account, region: scope.region, kind, name };
}

/** Default page size of SageMaker's List operations; the most a caller may ask for is 100. */
const defaultPageSize = 10;

const sortColumns: Readonly<Record<string, ListQuery["sortBy"]>> = {
  Name: "name",
  CreationTime: "created",
  LastModifiedTime: "modified",
  Status: "status",
};

function listQuery(kind: string, defaultOrder: string, input: ListInput, scope: Scope): ListQuery {
  const sortBy = sortColumns[input.SortBy ?? "CreationTime"];
  invariant(sortBy !== undefined, "the gateway refused sort keys outside the operation's enum");
  return {
    kind,
    account: scope.account,
    region: scope.region,
    sortBy,
    descending: (input.SortOrder ?? defaultOrder) === "Descending",
    limit: input.MaxResults ?? defaultPageSize,
    ...(input.NextToken !== undefined && { token: input.NextToken }),
    ...(input.NameContains !== undefined && { nameContains: input.NameContains }),
    ...(input.StatusEquals !== undefined && { status: input.StatusEquals }),
    ...(input.CreationTimeAfter && { createdAfter: input.CreationTimeAfter.getTime() }),
    ...(input.CreationTimeBefore && { createdBefore: input.CreationTimeBefore.getTime() }),
    ...(input.LastModifiedTimeAfter && { modifiedAfter: input.LastModifiedTimeAfter.getTime() }),
    ...(input.LastModifiedTimeBefore && { modifiedBefore: input.LastModifiedTimeBefore.getTime() }),
  };
}

async function listPage<Value>(query: ListQuery, context: OperationContext) {
  try {
    return await context.platform.store.list<Value>(query);
  } catch (error) {
    if (error instanceof InvalidPageToken) throw validationException("The pagination token is invalid.");
    throw error;
  }
}
