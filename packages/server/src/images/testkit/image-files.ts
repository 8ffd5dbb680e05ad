import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseLdd } from "../../engines/sandbox/minimal-root.ts";

/** The distribution's, which works at the same place in an image. */
export const python = "/usr/bin/python3";
const busybox = "/usr/bin/busybox";
const largestArchive = 2 ** 30;

/** The files of a layer in the making, in a temporary folder that goes with it. */
export interface ImageFiles extends Disposable {
  readonly root: string;
  /** Copies a file or a folder of this machine to the same place, without what no image needs of a Python library. */
  copy(path: string): void;
  /** Copies programs or extensions of this machine, with the libraries that they load. */
  addPrograms(...paths: readonly string[]): void;
  /** Copies the libraries that programs or files of the layer load from this machine. */
  addLibrariesOf(paths: readonly string[]): void;
  /** Copies this machine's Python and its library, and busybox for a shell. */
  addPython(): void;
  tar(): Buffer;
}

/** Begins a layer of this machine's own files. */
export function imageFiles(): ImageFiles {
  const root = mkdtempSync(join(tmpdir(), "sagebrush-image-"));
  const copyTo = (source: string, target: string): void => {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    cpSync(source, join(root, target), { recursive: true, dereference: true, filter: isWanted });
  };
  const files: ImageFiles = {
    root,
    copy: (path) => copyTo(path, path),
    addPrograms(...paths) {
      for (const path of paths) files.copy(path);
      files.addLibrariesOf(paths);
    },
    addLibrariesOf(paths) {
      for (const library of new Set(paths.flatMap(librariesOf)))
        if (!library.startsWith(root) && !existsSync(join(root, library))) files.copy(library);
    },
    addPython() {
      const binary = realpathSync(python);
      const library = `/usr/lib/${binary.slice(binary.lastIndexOf("/") + 1)}`;
      copyTo(binary, python);
      files.copy(library);
      const loaders = readdirSync(join(library, "lib-dynload")).map((name) => join(library, "lib-dynload", name));
      files.addLibrariesOf([binary, ...loaders]);
      copyTo(busybox, "/bin/busybox");
      symlinkSync("busybox", join(root, "bin", "sh"));
      mkdirSync(join(root, "etc"), { recursive: true });
      writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n");
      writeFileSync(join(root, "etc/group"), "root:x:0:\nwww-data:x:33:\n");
    },
    tar: () =>
      execFileSync("tar", ["-C", root, "--owner=0", "--group=0", "-cf", "-", "."], { maxBuffer: largestArchive }),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
  return files;
}

/** Most of Python's library is of no use here. */
function isWanted(path: string): boolean {
  return !/\/(?:__pycache__|test|tests|idlelib|tkinter|lib2to3|ensurepip|config-3[^/]*|pydoc_data)$/.test(path);
}

function librariesOf(path: string): string[] {
  try {
    return parseLdd(execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    // A file that is no program: it loads nothing.
    return [];
  }
}
