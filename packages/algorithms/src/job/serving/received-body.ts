/** The largest payload of a batch transform, which is the largest there is. */
export const maxBodyBytes = 100 * 1024 * 1024;
/** Bodies from this size on are put together as they come. */
const gatheredBytes = 256 * 1024;

/**
 * A request's body on its way in. A large one whose size is known is copied to its place piece by piece, so that the pieces live
 * shortly: kept until the last one is there, they would be old, and only a look through the whole heap frees those.
 */
export class ReceivedBody {
  readonly #place: Buffer | undefined;
  #pieces: Buffer[] = [];
  #size = 0;

  /** @param announcedBytes - As Content-Length says; 0 where it does not. */
  constructor(announcedBytes: number) {
    const isGathered = announcedBytes >= gatheredBytes && announcedBytes <= maxBodyBytes;
    this.#place = isGathered ? Buffer.allocUnsafeSlow(announcedBytes) : undefined;
  }

  /** @returns False once there is more than a body may have. */
  add(piece: Buffer): boolean {
    const at = this.#size;
    this.#size += piece.length;
    if (this.#size > maxBodyBytes) {
      this.#pieces = [];
      return false;
    }
    // An HTTP parser gives no more than was announced.
    if (this.#place !== undefined) piece.copy(this.#place, at);
    else this.#pieces.push(piece);
    return true;
  }

  whole(): Buffer {
    if (this.#place !== undefined) return this.#place;
    const [first] = this.#pieces;
    return this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces);
  }
}
