import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { buildFile } from "../job/build-files.ts";

/** A function of a shared library. Arguments and result are what its C declaration says. */
export type ForeignFunction = (...values: unknown[]) => unknown;

/** A shared library that is open. */
export interface ForeignLibrary {
  /** @param declaration - In C; `_Out_` marks pointers whose target comes back as the first element of a list. */
  func(declaration: string): ForeignFunction;
}

/** What is used here of koffi, the foreign function interface. */
interface Koffi {
  load(path: string): ForeignLibrary;
  /** Memory at a pointer, not copied: valid for as long as its owner says. */
  view(pointer: bigint, bytes: number): ArrayBuffer;
  /** Where a value or a typed array lies. */
  address(value: unknown): bigint;
}

/** Set-up puts koffi's module of this system there: the prebuilt binary alone, since the bundle has no node_modules. */
const file = buildFile("koffi.node");

/** @throws Error where koffi has no binary for this system. */
export function openLibrary(path: string): { readonly library: ForeignLibrary; readonly memory: Koffi } {
  if (!existsSync(file)) {
    throw new Error(`There is no foreign function interface for ${process.platform} on ${process.arch}.`);
  }
  const koffi = createRequire(import.meta.url)(file) as Koffi;
  return { library: koffi.load(path), memory: koffi };
}
