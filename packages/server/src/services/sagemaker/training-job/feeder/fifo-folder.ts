import { spawn } from "node:child_process";
import { once } from "node:events";
import { close, constants, fstatSync, lstatSync, open, openSync, type Stats, unlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const openFile = promisify(open);
const closeFile = promisify(close);

/**
 * The folder of a run in which FIFOs are made. The run may write to it, move it and put links into it, so the folder is held
 * by a descriptor from before the run begins, and no name in it is followed.
 */
export class FifoFolder {
  /** A path that means the folder itself, wherever it is moved. */
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static open(directory: string): FifoFolder {
    const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    // Elsewhere there is no isolation either that a link could break.
    return new FifoFolder(process.platform === "linux" ? `/proc/self/fd/${descriptor}` : directory);
  }

  /**
   * Makes a FIFO that any user may open: the folders above it decide who can. One that is there already stays.
   * @returns False when the run put something else there.
   */
  async make(name: string): Promise<boolean> {
    // Node has no call for it. The working folder reaches the child as the very same descriptor.
    const child = spawn("mkfifo", ["-m", "0666", "--", `./${name}`], {
      cwd: this.#path,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    const [code] = (await once(child, "close")) as [number | null];
    const found = this.#look(name);
    if (code === 0 || found !== undefined) return found?.isFIFO() ?? false;
    throw new Error(`The FIFO ${name} could not be made: ${said.trim() || `mkfifo ended with ${code}`}`);
  }

  /**
   * Waits until somebody opens the FIFO for reading.
   * @returns A descriptor to write to, or `undefined` when the run removed the FIFO or put something else there.
   */
  async openForWriting(name: string): Promise<number | undefined> {
    let descriptor: number;
    try {
      descriptor = await openFile(join(this.#path, name), constants.O_WRONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (["ENOENT", "ELOOP", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
    if (fstatSync(descriptor).isFIFO()) return descriptor;
    await closeFile(descriptor);
    return undefined;
  }

  /** Ends the stream of a descriptor that {@link openForWriting} gave, and removes its name. */
  async end(name: string, descriptor: number): Promise<void> {
    if (this.#look(name)?.isFIFO()) unlinkSync(join(this.#path, name));
    await closeFile(descriptor);
  }

  #look(name: string): Stats | undefined {
    return lstatSync(join(this.#path, name), { throwIfNoEntry: false });
  }
}
