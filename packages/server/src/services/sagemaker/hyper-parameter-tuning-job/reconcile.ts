import { ServiceError } from "../../../errors.ts";
import type { Platform } from "../../../platform.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { type RecordKey, type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import { scopeOf } from "../training-job/training-job.ts";
import { progressOf } from "./counters.ts";
import { objectiveType } from "./definitions.ts";
import { finishCurve, followTrials, stopTrials } from "./follow-trials.ts";
import { launchTrial } from "./launch-trial.ts";
import { lookAtTrials } from "./look-at-trials.ts";
import { type Move, nextMove } from "./next-move.ts";
import { TrialBook } from "./trial-book.ts";
import { finalTuningStatuses, isEnded, type TuningJob, type TuningJobRecord, tuningJobKind } from "./tuning-job.ts";

/** How often running trials are looked at while their objectives decide about them. */
const followIntervalMs = 400;
/** Changes of training jobs wake their tuning job, so this is only a safety net. */
const safetyNetMs = 5_000;
/** How long a tuning job waits for room that its account does not have. */
const noRoomMs = 5_000;

/** Drives tuning jobs: launches trials, follows them, learns from their ends, and ends when there is a reason to. */
export function tuningJobController(platform: Platform): Controller<TuningJob> {
  const books = new Map<string, TrialBook>();
  return {
    kind: tuningJobKind,
    finalStatuses: finalTuningStatuses,
    concurrency: 4,
    async reconcile(record) {
      const id = `${record.account} ${record.region} ${record.name}`;
      if (isEnded(record)) {
        books.delete(id);
        return done;
      }
      let book = books.get(id);
      if (!book || isStale(book, record)) {
        book = await openBook(platform, record);
        books.set(id, book);
      }
      try {
        return await step(platform, record, book);
      } catch (error) {
        // What is in memory may be ahead of what was written: read it anew.
        books.delete(id);
        if (error instanceof WriteConflict) return again(0);
        throw error;
      }
    },
  };
}

/** Another tuning job of the name, or one that another server has moved. */
function isStale(book: TrialBook, { createdAt, value }: TuningJobRecord): boolean {
  return book.createdAt !== createdAt || book.trials.size !== value.progress.launched;
}

async function openBook(platform: Platform, record: TuningJobRecord): Promise<TrialBook> {
  const book = await TrialBook.open(platform.store, record);
  const ended = [...book.trials.values()].flatMap(({ value }) => (value.endedAt === undefined ? [] : [value]));
  ended.sort((a, b) => (a.endedAt as number) - (b.endedAt as number));
  for (const trial of ended) await finishCurve({ platform, scope: scopeOf(record) }, book, trial);
  return book;
}

async function step(platform: Platform, start: TuningJobRecord, book: TrialBook): Promise<Outcome> {
  const place = { platform, scope: scopeOf(start) };
  const { store, clock } = platform;
  const seen = await lookAtTrials(place, book);
  const now = clock.now();
  const type = objectiveType(start.value.spec);
  const progress = progressOf(
    [...book.trials.values()].map((trial) => seen.get(trial.value.trial)?.value ?? trial.value),
    ...([type, start.value.progress, now] as const),
  );
  const move = nextMove({
    ...{ job: start.value, status: start.status, progress, now },
    ...{ isExhausted: book.isExhausted, createdAt: start.createdAt },
  });
  const next = { ...start.value, progress, ...endOf(move, now) };
  const status = move.kind === "end" ? move.ending.status : start.status;
  const isNew = seen.size > 0 || status !== start.status || JSON.stringify(next) !== JSON.stringify(start.value);
  let record = start;
  if (isNew) {
    const trials = [...seen.values()].map(({ account, region, kind, name, version, value }): Write => {
      return { op: "update", key: { account, region, kind, name }, version, value };
    });
    const written = await store.write([update(start, next, status), ...trials]);
    record = written[0] as TuningJobRecord;
    for (const trial of written.slice(1)) book.changed(trial as never);
  }
  switch (move.kind) {
    case "end":
      platform.log.info("tuning job ended", { tuningJob: start.name, status });
      return done;
    case "wind-up":
      await stopTrials(place, book.open);
      return again(safetyNetMs);
    case "launch":
      return launch(place, record, book, move.count);
    case "wait":
      break;
  }
  return follow(place, book);
}

type Place = Parameters<typeof stopTrials>[0];

/** Launches one trial: the next look, right after, launches the next. */
async function launch(place: Place, record: TuningJobRecord, book: TrialBook, count: number): Promise<Outcome> {
  try {
    let current = record;
    for (let launched = 0; launched < count; launched++) {
      const next = book.ask();
      // The grid has come to its end: look again, with that known.
      if (!next) return again(0);
      current = await launchTrial(place, current, book, next);
      // Somebody stopped it meanwhile.
      if (current.status !== record.status) return again(0);
    }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code === "ResourceLimitExceeded") return again(noRoomMs);
    const ending = {
      status: "Failed",
      failureReason: `A training job could not be created: ${error.message}`,
    } as const;
    const latest = await place.platform.store.get<TuningJob>(keyOf(record));
    if (latest) await place.platform.store.write([update(latest, { ...latest.value, ending }, latest.status)]);
    return again(0);
  }
  return follow(place, book);
}

async function follow(place: Place, book: TrialBook): Promise<Outcome> {
  if (!book.follows) return again(safetyNetMs);
  await followTrials(place, book);
  return again(followIntervalMs);
}

function endOf(move: Move, now: number): Partial<TuningJob> {
  if (move.kind === "wind-up") return { ending: move.ending };
  if (move.kind !== "end") return {};
  const { failureReason } = move.ending;
  return { ending: move.ending, endedAt: now, ...(failureReason !== undefined && { failureReason }) };
}

function update(record: TuningJobRecord, value: TuningJob, status: string | undefined): Write {
  return {
    ...{ op: "update", key: keyOf(record), version: record.version, value },
    ...(status !== undefined && { status }),
  };
}

function keyOf({ account, region, kind, name }: StoredRecord): RecordKey {
  return { account, region, kind, name };
}
