import type { XGBoostLibrary } from "../library/library.ts";

/** The library's numbers of operations. */
const operations = { max: 0, min: 1, sum: 2 } as const;

/** The library's collective, which its own training uses as well. It belongs to the thread that made it. */
export class Communicator {
  readonly #library: XGBoostLibrary;
  /** The library's number of the type of doubles, which differs by version. */
  readonly #doubles: number;

  constructor(library: XGBoostLibrary, tracker: { readonly host: string; readonly port: number }, task: number) {
    this.#library = library;
    const isNew = library.isFrom(2, 1);
    this.#doubles = isNew ? 2 : 7;
    const id = String(task).padStart(4, "0"); // ranks follow the order of these texts
    const settings = isNew
      ? {
          dmlc_communicator: "rabit",
          dmlc_tracker_uri: tracker.host,
          dmlc_tracker_port: tracker.port,
          dmlc_task_id: id,
        }
      : {
          xgboost_communicator: "rabit",
          DMLC_TRACKER_URI: tracker.host,
          DMLC_TRACKER_PORT: tracker.port,
          DMLC_TASK_ID: id,
        };
    library.call("int XGCommunicatorInit(const char* config)", JSON.stringify(settings));
  }

  get rank(): number {
    return this.#library.number("int XGCommunicatorGetRank()");
  }

  reduce(values: Float64Array, operation: keyof typeof operations): Float64Array {
    const result = values.slice();
    const given = [result, result.length, this.#doubles, operations[operation]];
    if (this.#library.isFrom(2, 1)) {
      this.#library.call("int XGCommunicatorAllreduce(void* values, size_t count, int type, int operation)", ...given);
    } else {
      const reduce =
        "int XGCommunicatorAllreduce(void* values, size_t count, int type, int operation, void* prepare, void* with)";
      this.#library.call(reduce, ...given, null, null);
    }
    return result;
  }

  leave(): void {
    this.#library.call("int XGCommunicatorFinalize()");
  }
}
