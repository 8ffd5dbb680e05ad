import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../log.ts";
import { fullNotice } from "../../log-gap.ts";
import { EngineUnavailable } from "../engine.ts";
import { cutGap, LogSpace } from "../log-space.ts";
import { answeredWith, type EngineApi } from "./engine-api.ts";
import { LineAssembler, line } from "./line-assembler.ts";
import { type LogFrame, LogFrames } from "./log-frames.ts";
import {
  after,
  type LogCursor,
  type LogPosition,
  logStart,
  newSince,
  readPosition,
  writePosition,
} from "./log-position.ts";

/** What is copied, and where to. */
export interface FollowedLog {
  readonly api: EngineApi;
  readonly container: string;
  readonly logFile: string;
  /** File of the position, which {@link beginPosition} has made. */
  readonly positionFile: string;
  /** Whether the container has ended, so that its log grows no more. */
  hasEnded(): Promise<boolean>;
  readonly log: Log;
}

/** Positions are saved at most this often; what came since is copied again after a crash. */
const saveMillis = 250;
const firstRetryMillis = 200;
const lastRetryMillis = 5_000;
/** An engine whose log driver keeps nothing refuses for ever. */
const maxRefusals = 5;

/** Makes the position of a log that begins at the end of its file, unless there is one. */
export async function beginPosition(positionFile: string, logFile: string, maxLogBytes: number): Promise<void> {
  if (await readPosition(positionFile)) return;
  const file = await open(logFile, "a", 0o600);
  const { size } = await file.stat();
  await file.close();
  const position = { fileBytes: size, base: size, maxBytes: maxLogBytes, cursor: logStart, isDone: false };
  await writePosition(positionFile, position);
}

/**
 * Copies a container's log into a file as it grows, whatever ends meanwhile: the engine keeps the log, the position is
 * on disk, and what the file has beyond the position is cut off and written again. So nothing is lost or doubled.
 */
export class LogFollower {
  readonly #followed: FollowedLog;
  readonly #stopped = new AbortController();
  readonly #lines = new LineAssembler();
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #position: LogPosition | undefined;
  #space: LogSpace | undefined;
  #isFull = false;
  #cursor: LogCursor = logStart;
  #savedAt = 0;
  /** Resolves when the log is whole in the file, or the follower was closed. */
  readonly finished: Promise<void>;

  constructor(followed: FollowedLog) {
    this.#followed = followed;
    this.finished = this.#run();
  }

  /** Stops copying. Another follower goes on where this one ended. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await this.finished;
  }

  async #run(): Promise<void> {
    const position = await readPosition(this.#followed.positionFile);
    if (!position || position.isDone) return;
    this.#file = await open(this.#followed.logFile, "r+");
    try {
      await this.#file.truncate(position.fileBytes);
      cutGap(this.#followed.logFile, position.fileBytes);
      this.#position = position;
      this.#fileBytes = position.fileBytes;
      this.#cursor = position.cursor;
      const { base, maxBytes } = position;
      this.#space = new LogSpace(this.#followed.logFile, maxBytes, { base, written: position.fileBytes - base });
      if (await this.#copyAll()) await this.#finish();
    } finally {
      await this.#file.close();
    }
  }

  /** @returns Whether everything was copied; false when the follower was closed before. */
  async #copyAll(): Promise<boolean> {
    let retryMillis = firstRetryMillis;
    let refusals = 0;
    while (!this.#stopped.signal.aborted && !this.#isFull) {
      try {
        // Asked first: what an ended container wrote is all there.
        const hasEnded = await this.#followed.hasEnded();
        const before = this.#cursor;
        await this.#copy(!hasEnded);
        if (hasEnded) return true;
        refusals = 0;
        if (this.#cursor !== before) {
          retryMillis = firstRetryMillis;
          continue; // the stream ended: so has the container, or the engine let go
        }
        if (await this.#followed.hasEnded()) continue;
      } catch (error) {
        if (this.#stopped.signal.aborted) return false;
        if (answeredWith(error, 404)) return true; // somebody removed the container and with it the log
        if (!(error instanceof EngineUnavailable) && ++refusals >= maxRefusals) {
          const reason = (error as Error).message;
          await this.#put(line(Date.now(), `sagebrush: the container engine does not give the log: ${reason}`));
          return true;
        }
      }
      await pause(retryMillis, undefined, { signal: this.#stopped.signal }).catch(() => undefined); // closed meanwhile
      retryMillis = Math.min(lastRetryMillis, retryMillis * 2);
    }
    return this.#isFull;
  }

  async #copy(follow: boolean): Promise<void> {
    const { api, container } = this.#followed;
    const answer = await api.stream({
      method: "GET",
      path: `/containers/${container}/logs`,
      query: {
        stdout: 1,
        stderr: 1,
        timestamps: 1,
        ...(follow && { follow: 1 }),
        // A second early: whether the bound itself belongs to the answer differs between engines.
        ...(this.#cursor.frames > 0 && { since: this.#cursor.second - 1 }),
      },
      signal: this.#stopped.signal,
    });
    const frames = new LogFrames();
    const isNew = newSince(this.#cursor);
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        await this.#take(frames.take(chunk).filter(isNew));
        if (this.#isFull) return;
      }
    } catch (error) {
      // Node's errors of connections have codes; an answer that is no log is another matter.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      throw new EngineUnavailable(`The log of ${container} broke off`, { cause: error });
    } finally {
      answer.destroy();
    }
  }

  async #take(frames: readonly LogFrame[]): Promise<void> {
    const now = Date.now();
    const lines: Buffer[] = [];
    for (const frame of frames) {
      lines.push(...this.#lines.take(frame, now));
      this.#cursor = after(this.#cursor, frame);
    }
    await this.#put(...lines);
    // A line that is half there is in no file: its frames must be read again after a crash.
    if (this.#lines.isEmpty && now - this.#savedAt > saveMillis) await this.#save(false);
  }

  async #put(...lines: readonly Buffer[]): Promise<void> {
    const kept: Buffer[] = [];
    for (const each of lines) {
      if (this.#isFull) break;
      this.#isFull = !this.#space?.take(each.length);
      kept.push(this.#isFull ? line(Date.now(), fullNotice) : each);
    }
    const bytes = Buffer.concat(kept);
    if (bytes.length === 0) return;
    try {
      await this.#file?.write(bytes, 0, bytes.length, this.#fileBytes);
      this.#fileBytes += bytes.length;
    } catch (error) {
      // A full disk must not end the run: its lines are lost, the run goes on.
      this.#followed.log.warn("A log could not be written", { file: this.#followed.logFile, error });
    }
  }

  async #finish(): Promise<void> {
    await this.#put(...this.#lines.end());
    await this.#file?.datasync();
    await this.#save(true);
  }

  async #save(isDone: boolean): Promise<void> {
    this.#savedAt = Date.now();
    if (!this.#position) return;
    await writePosition(this.#followed.positionFile, {
      ...this.#position,
      fileBytes: this.#fileBytes,
      cursor: this.#cursor,
      isDone,
    });
  }
}
