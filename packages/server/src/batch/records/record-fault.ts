/** One record cannot be filtered or joined. `record` counts from 1 within its object: for SplitType Line, it is the line. */
export class RecordFault extends Error {
  override readonly name = "RecordFault";

  constructor(record: number, message: string, options?: { readonly cause: unknown }) {
    super(`line ${record}: ${message}`, options);
  }
}
