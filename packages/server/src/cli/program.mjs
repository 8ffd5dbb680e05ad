// Plain JavaScript: it decides whether anything has to be stripped of types at all, and set-up shares it.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Where set-up leaves the server bundled, relative to the repository: a folder for each bundle, and the note of the newest. */
export const programFolder = "packages/server/.build/program";

/**
 * @typedef {object} ProgramNote
 * @property {string} entry The bundle's first file, relative to the program folder.
 * @property {[file: string, bytes: number, modifiedMs: number][]} sources What it was made of, relative to the repository.
 */

/**
 * The bundled command line, or undefined where there is none or any source of it has changed since: by size and time of
 * modification, which takes 3 ms for all of them, so that whoever edits a source runs that source.
 *
 * @param {string} root The repository.
 * @returns {string | undefined} Absolute path.
 */
export function bundledProgram(root) {
  const folder = join(root, programFolder);
  try {
    /** @type {ProgramNote} */
    const { entry, sources } = JSON.parse(readFileSync(join(folder, "program.json"), "utf8"));
    const isCurrent = sources.every(([file, bytes, modifiedMs]) => {
      const { size, mtimeMs } = statSync(join(root, file));
      return size === bytes && mtimeMs === modifiedMs;
    });
    const program = join(folder, entry);
    return isCurrent && statSync(program).isFile() ? program : undefined;
  } catch {
    // No bundle, a note cut short, a source that is gone: the sources themselves are always there to run.
    return undefined;
  }
}
