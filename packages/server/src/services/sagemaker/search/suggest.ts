import type { Operation } from "../operation.ts";
import { searchableNamed } from "./searchables.ts";

/** Names of one answer, as SageMaker has it. */
const maxSuggestions = 20;

/** Properties whose names begin with a hint, for those who type a condition. */
export const getSearchSuggestions: Operation<"GetSearchSuggestions"> = async (input) => {
  const { properties } = searchableNamed(input.Resource);
  const hint = (input.SuggestionQuery?.PropertyNameQuery?.PropertyNameHint ?? "").toLowerCase();
  const names = properties.filter((name) => name.toLowerCase().startsWith(hint)).toSorted();
  return { PropertyNameSuggestions: names.slice(0, maxSuggestions).map((PropertyName) => ({ PropertyName })) };
};
