import { join } from "node:path";
import { epochOrder } from "../input/epoch-order.ts";
import { BlockWriter } from "./block-writer.ts";
import type { FeedChannel } from "./feed-plan.ts";
import type { FifoFolder } from "./fifo-folder.ts";
import { UnitFile } from "./unit-file.ts";
import { writeSegment } from "./write-segment.ts";

/** Streams one channel, an epoch after the other, for as long as somebody opens the next FIFO. */
export class ChannelFeed {
  readonly #channel: FeedChannel;
  readonly #fifos: FifoFolder;
  readonly #units: UnitFile;

  constructor(channel: FeedChannel, fifos: FifoFolder, folder: string) {
    this.#channel = channel;
    this.#fifos = fifos;
    this.#units = UnitFile.open(join(folder, channel.units));
  }

  /** Makes the first epoch's FIFO: it is there when the run begins. */
  async prepare(): Promise<void> {
    if (!(await this.#fifos.make(this.#name(0)))) throw new Error(`${this.#name(0)} is taken by something else.`);
  }

  /**
   * Goes on until the run is over, or has removed the FIFO that would come next: what it cannot open, it cannot miss data of.
   * A failure leaves the FIFO open: its reader waits, since an end would look like the end of the data.
   * @throws FeedError for what the input is to blame for, anything else for the platform's own trouble.
   */
  async run(): Promise<void> {
    for (let epoch = 0; ; epoch++) {
      const fifo = await this.#fifos.openForWriting(this.#name(epoch));
      if (fifo === undefined) return;
      const [isNextMade] = await Promise.all([this.#fifos.make(this.#name(epoch + 1)), this.#stream(epoch, fifo)]);
      // After the next one is there: a reader who is quick need not look twice.
      await this.#fifos.end(this.#name(epoch), fifo);
      if (!isNextMade) return;
    }
  }

  async #stream(epoch: number, fifo: number): Promise<void> {
    const { share, seed } = this.#channel;
    const order = epochOrder(this.#units.count, share, seed === undefined ? undefined : { seed, epoch });
    const writer = new BlockWriter(fifo);
    try {
      for (const index of order) {
        for (const segment of this.#units.read(index)) await writeSegment(writer, segment, this.#channel);
      }
      await writer.flush();
    } catch (error) {
      // The reader has seen enough and closed early: the epoch is done.
      if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
    }
  }

  #name(epoch: number): string {
    return `${this.#channel.name}_${epoch}`;
  }
}
