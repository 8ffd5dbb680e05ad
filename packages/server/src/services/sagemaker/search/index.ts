import type { OperationTable } from "../operation.ts";
import { search } from "./search.ts";
import { getSearchSuggestions } from "./suggest.ts";

/** Search and what helps to write its conditions. */
export const searchOperations = {
  GetSearchSuggestions: getSearchSuggestions,
  Search: search,
} satisfies OperationTable;
