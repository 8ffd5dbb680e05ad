import { askTreeThread } from "../tree-thread.ts";

/**
 * The room on disk that trees take which runs write to: holes cost nothing, a file with several names counts once, links
 * are not followed. What vanishes meanwhile, or may not be read, counts nothing; nor does a tree that is not there.
 */
export function usedBytes(trees: readonly string[]): Promise<number> {
  return askTreeThread({ measure: trees });
}
