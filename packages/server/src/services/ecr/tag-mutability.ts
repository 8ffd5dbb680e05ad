import type { ImageTagMutability, ImageTagMutabilityExclusionFilter } from "@aws-sdk/client-ecr";
import type { TagMutability } from "../../registry/registry-records.ts";
import { invalidParameter } from "./errors.ts";

/** Reads ECR's setting: one of four words, and filters with the two that have exclusions. */
export function readMutability({
  imageTagMutability: word = "MUTABLE",
  imageTagMutabilityExclusionFilters: filters = [],
}: {
  readonly imageTagMutability?: ImageTagMutability | undefined;
  readonly imageTagMutabilityExclusionFilters?: readonly { readonly filter: string }[] | undefined;
}): TagMutability {
  if (word.endsWith("_WITH_EXCLUSION") !== filters.length > 0) {
    throw invalidParameter(
      `Invalid parameter at 'imageTagMutabilityExclusionFilters': ${word} ${filters.length > 0 ? "takes none" : "needs one"}.`,
    );
  }
  return { mutable: word.startsWith("MUTABLE"), except: filters.map(({ filter }) => filter) };
}

/** In ECR's form. */
export function describeMutability({ mutable, except }: TagMutability): {
  imageTagMutability: ImageTagMutability;
  imageTagMutabilityExclusionFilters?: ImageTagMutabilityExclusionFilter[];
} {
  const word = mutable ? "MUTABLE" : "IMMUTABLE";
  if (except.length === 0) return { imageTagMutability: word };
  return {
    imageTagMutability: `${word}_WITH_EXCLUSION`,
    imageTagMutabilityExclusionFilters: except.map((filter) => ({ filterType: "WILDCARD", filter })),
  };
}
