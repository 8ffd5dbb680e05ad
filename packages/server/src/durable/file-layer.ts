import { constants } from "node:fs";
import { link, mkdir, open, rename, unlink } from "node:fs/promises";

/** A file being written through a `FileLayer`. */
export interface LayerFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when the bytes written so far survive power loss (the name may not: see `syncDirectory`). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The few file operations whose order decides what survives power loss. Code that promises durability takes a layer,
 * so that tests can record the order, fail any call and cut the power after any of them (`power-loss-layer.ts`).
 */
export interface FileLayer {
  /** Creates a new file for writing. @throws EEXIST when the name is taken. */
  create(path: string, mode: number): Promise<LayerFile>;
  rename(from: string, to: string): Promise<void>;
  link(existing: string, name: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Creates one folder. @throws EEXIST, ENOENT. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Resolves when the names in the folder (created, renamed, linked, removed) survive power loss. */
  syncDirectory(path: string): Promise<void>;
}

/** The machine's own files. */
export const nodeFileLayer: FileLayer = {
  async create(path, mode) {
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    return {
      async write(bytes) {
        // One `write` may take only a part of a large buffer.
        for (let offset = 0; offset < bytes.byteLength; ) {
          offset += (await file.write(bytes, offset)).bytesWritten;
        }
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  rename,
  link,
  unlink,
  async makeDirectory(path, mode) {
    await mkdir(path, { mode });
  },
  async syncDirectory(path) {
    const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};
