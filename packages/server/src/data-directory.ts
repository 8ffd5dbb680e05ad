/** Where everything of one installation lives. Paths only; opening, locking and migrating is `open`'s work. */
export interface DataDirectory {
  readonly root: string;
  /** SQLite database. */
  readonly database: string;
  /** Object bytes. */
  readonly objects: string;
  /** One folder a run: `runs/<runId>/ml` is its /opt/ml. */
  readonly runs: string;
  /** One file a log stream. */
  readonly logs: string;
  /** Extracted models that endpoints share. */
  readonly models: string;
  /** The engine's own state (supervisors, sockets). */
  readonly engine: string;
  readonly credentials: string;
  readonly temporary: string;
}
