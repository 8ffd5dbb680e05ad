import { validationException } from "../../../errors.ts";
import { InvalidPageToken, type ListQuery, type StoredRecord } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";
import type { Operation, Output } from "../operation.ts";
import { readTags } from "../tags/tags-record.ts";
import { type CompiledExpression, checkProperty, compileExpression } from "./expression.ts";
import { propertyValues, sortable } from "./property.ts";
import type { Searchable } from "./searchable.ts";
import { searchableNamed } from "./searchables.ts";

/** Default page. */
const defaultPageSize = 10;
/** Records that are read at once. */
const readAtOnce = 200;

type Result = NonNullable<Output<"Search">["Results"]>[number];

interface Search {
  readonly searchable: Searchable;
  readonly expression: CompiledExpression;
  readonly context: OperationContext;
  readonly limit: number;
  readonly descending: boolean;
}

interface Found {
  readonly results: readonly object[];
  readonly next?: string;
}

/** Resources that meet conditions, in pages. */
export const search: Operation<"Search"> = async (input, context) => {
  const searchable = searchableNamed(input.Resource);
  if (input.VisibilityConditions?.length) throw validationException("VisibilityConditions are not supported.");
  const expression = compileExpression(input.SearchExpression, searchable);
  // Nobody shares resources with another account here.
  if (input.CrossAccountFilterOption === "CrossAccount") return { Results: [] };
  const sortBy = input.SortBy ?? "LastModifiedTime";
  checkProperty(sortBy, searchable);
  const request: Search = {
    ...{ searchable, expression, context },
    limit: input.MaxResults ?? defaultPageSize,
    descending: input.SortOrder !== "Ascending",
  };
  const column = columnOf(sortBy, searchable);
  const page = column
    ? await inStoreOrder(request, column, input.NextToken)
    : await inOrderOf(request, sortBy, input.NextToken);
  return {
    Results: page.results.map((resource) => ({ [searchable.resource]: resource }) as Result),
    ...(page.next !== undefined && { NextToken: page.next }),
  };
};

/** Properties that the store itself sorts by. */
function columnOf(sortBy: string, { nameProperty, statusProperty }: Searchable): ListQuery["sortBy"] {
  if (sortBy === "LastModifiedTime") return "modified";
  if (sortBy === "CreationTime") return "created";
  if (sortBy === nameProperty) return "name";
  return sortBy === statusProperty ? "status" : undefined;
}

/** Reads in the order of the answer, and no further than the page. A token is where reading goes on. */
async function inStoreOrder(request: Search, sortBy: ListQuery["sortBy"], token: string | undefined): Promise<Found> {
  let [storeToken, skip] = token === undefined ? [undefined, 0] : readToken(token);
  const results: object[] = [];
  for (;;) {
    const page = await readPage(request, sortBy, storeToken);
    for (const [index, record] of page.records.entries()) {
      if (index < skip) continue;
      const resource = await matching(request, record);
      if (!resource) continue;
      if (results.length === request.limit) return { results, next: writeToken(storeToken, index) };
      results.push(resource);
    }
    if (page.next === undefined) return { results };
    storeToken = page.next;
    skip = 0;
  }
}

/** Reads everything, keeps what the order needs of each, and describes the page once more. */
async function inOrderOf(request: Search, sortBy: string, token: string | undefined): Promise<Found> {
  const start = token === undefined ? 0 : readToken(token)[1];
  const { descending, limit, context } = request;
  const all: { readonly record: Pick<StoredRecord, "name" | "kind">; readonly key: number | string | undefined }[] = [];
  let storeToken: string | undefined;
  do {
    const page = await readPage(request, "name", storeToken);
    for (const record of page.records) {
      const resource = await matching(request, record);
      if (!resource) continue;
      const [value] = propertyValues(resource, sortBy);
      all.push({
        record: { name: record.name, kind: record.kind },
        key: value === undefined ? undefined : sortable(value),
      });
    }
    storeToken = page.next;
  } while (storeToken !== undefined);
  all.sort((a, b) => compareKeys(a.key, b.key, descending) || (a.record.name < b.record.name ? -1 : 1));
  const { account, region } = context.scope;
  const results: object[] = [];
  for (const { record } of all.slice(start, start + limit)) {
    const found = await context.platform.store.get<never>({ account, region, ...record });
    if (found) results.push(await described(request, found));
  }
  return { results, ...(start + limit < all.length && { next: writeToken(undefined, start + limit) }) };
}

/** Numbers before texts; what has no value comes last, whatever the direction. */
function compareKeys(a: number | string | undefined, b: number | string | undefined, descending: boolean): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const isAfter = typeof a === typeof b ? a > b : typeof a === "string";
  const order = a === b ? 0 : isAfter ? 1 : -1;
  return descending ? -order : order;
}

async function readPage(
  { searchable, expression, descending, context }: Search,
  sortBy: ListQuery["sortBy"],
  token?: string,
) {
  const { account, region } = context.scope;
  try {
    return await context.platform.store.list<never>({
      ...{ kind: searchable.kind, account, region, descending, limit: readAtOnce, ...expression.narrowing },
      ...(sortBy !== undefined && { sortBy }),
      ...(token !== undefined && { token }),
    });
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidToken();
    throw error;
  }
}

/** The resource with its tags when it meets the conditions. */
async function matching(request: Search, record: StoredRecord<never>): Promise<object | undefined> {
  const { asksForTags, matches } = request.expression;
  if (asksForTags) {
    const resource = await described(request, record);
    return matches(resource) ? resource : undefined;
  }
  const { searchable, context } = request;
  return matches(await searchable.describe(record, context)) ? described(request, record) : undefined;
}

async function described({ searchable, context }: Search, record: StoredRecord<never>): Promise<object> {
  const tags = await readTags(context.platform.store, context.scope, searchable.arn(record));
  return { ...(await searchable.describe(record, context)), Tags: tags };
}

function writeToken(storeToken: string | undefined, index: number): string {
  return Buffer.from(JSON.stringify([storeToken ?? null, index])).toString("base64url");
}

function readToken(token: string): readonly [storeToken: string | undefined, index: number] {
  try {
    const [storeToken, index] = JSON.parse(Buffer.from(token, "base64url").toString()) as unknown[];
    if ((storeToken === null || typeof storeToken === "string") && Number.isSafeInteger(index) && Number(index) >= 0) {
      return [storeToken ?? undefined, index as number];
    }
  } catch {
    // Told below together with JSON of another shape.
  }
  throw invalidToken();
}

function invalidToken(): Error {
  return validationException("The pagination token is invalid.");
}
