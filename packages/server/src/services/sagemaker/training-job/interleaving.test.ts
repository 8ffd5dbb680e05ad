import { access } from "node:fs/promises";
import { join } from "node:path";
import { SageMakerClient, StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { silentLog } from "../../../log.ts";
import { collectGarbage } from "../collect-garbage.ts";
import { sagemakerService } from "../index.ts";
import { newJob } from "./create.ts";
import { interruptTrainingJob } from "./interrupt.ts";
import { trainingJobController } from "./reconcile.ts";
import { bytes, trainingJob } from "./testkit/job-server.ts";
import { ScriptedEngine } from "./testkit/scripted-engine.ts";
import {
  finalStatuses,
  runIds,
  type TrainingJob,
  type TrainingJobRecord,
  type TrainingJobSpec,
} from "./training-job.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ services: [sagemakerService] });
  const { objects } = server.platform;
  await objects.buckets.create("data", { owner: "111122223333", region: "us-west-2", settings: {} });
  await objects.put("data", "train/a.csv", bytes("1,2\n"));
});
afterAll(() => server.close());

class Crash extends Error {}

/** Lets `calls` calls through, then dies: before the next call's effect, or right after it. */
function dying<Part extends object>(part: Part, fuse: { calls: number; after: boolean }): Part {
  return new Proxy(part, {
    get(target, name) {
      // Called with the real part as `this`: its private members are not visible through a proxy.
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...input: unknown[]) => {
        if (fuse.calls-- > 0) return member.apply(target, input);
        // Lists are read lazily, so that calling for one has no effect to die after.
        if (!fuse.after || name === "list") throw new Crash();
        return Promise.resolve(member.apply(target, input)).then(() => {
          throw new Crash();
        });
      };
    },
  });
}

type Move =
  | { readonly kind: "reconcile" }
  | { readonly kind: "crash"; readonly calls: number; readonly after: boolean }
  | { readonly kind: "stop" }
  | { readonly kind: "exit"; readonly host: number; readonly code: number }
  | { readonly kind: "lose"; readonly host: number }
  | { readonly kind: "interrupt" };

/** A job has at most so many hosts here. */
const mostHosts = 3;
const host = fc.nat(mostHosts - 1);

const moves = fc.array(
  fc.oneof(
    fc.constant<Move>({ kind: "reconcile" }),
    fc.record({ kind: fc.constant("crash" as const), calls: fc.nat(20), after: fc.boolean() }),
    fc.constant<Move>({ kind: "stop" }),
    fc.record({ kind: fc.constant("exit" as const), host, code: fc.constantFrom(0, 1, 137) }),
    fc.record({ kind: fc.constant("lose" as const), host }),
    fc.constant<Move>({ kind: "interrupt" }),
  ),
  { maxLength: 14 },
);

test("any interleaving of steps, stops, interruptions and crashes ends in a legal final state with nothing left running", {
  timeout: 120_000,
}, async () => {
  const { store, objects, metrics, images, dataDirectory, clock } = server.platform;
  const sagemaker = new SageMakerClient(server.client);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: mostHosts }), moves, async (hosts, plan) => {
      const engine = new ScriptedEngine();
      const spec = trainingJob({
        EnableManagedSpotTraining: true,
        StoppingCondition: { MaxRuntimeInSeconds: 3600, MaxWaitTimeInSeconds: 7200 },
      }) as TrainingJobSpec;
      const name = spec.TrainingJobName;
      const key = { account: "111122223333", region: "us-west-2", kind: "training-job", name };
      const ResourceConfig = {
        ...spec.ResourceConfig,
        InstanceCount: hosts,
      } as NonNullable<TrainingJobSpec["ResourceConfig"]>;
      const value = newJob({ arn: name, spec: { ...spec, ResourceConfig }, hosts }, clock.now());
      await store.write([{ op: "create", key, value, status: "InProgress" }]);
      const read = async () => (await store.get<TrainingJob>(key)) as TrainingJobRecord;
      const fresh = (fuse?: { calls: number; after: boolean }) =>
        trainingJobController({
          store: fuse ? dying(store, fuse) : store,
          objects: fuse ? dying(objects, fuse) : objects,
          engine: fuse ? dying(engine, fuse) : engine,
          ...{ metrics, images, dataDirectory, clock, log: silentLog, host: { cpus: 2, memoryBytes: 2 ** 33 } },
        });
      let controller = fresh();
      const runs = new Set<string>();
      const make: Record<Move["kind"], (move: never) => Promise<unknown>> = {
        reconcile: async () => controller.reconcile(await read()),
        crash: async (fuse: { calls: number; after: boolean }) => {
          const record = await read();
          await fresh({ ...fuse })
            .reconcile(record)
            .catch((error: unknown) => {
              if (!(error instanceof Crash)) throw error;
            });
          // What the server remembered is gone with it.
          controller = fresh();
        },
        // A job that has ended refuses.
        stop: () => sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name })).catch(() => undefined),
        exit: async ({ host, code }: { host: number; code: number }) => {
          engine.exit(runIds(await read())[host] ?? "none", code);
        },
        // It refuses while the job does not train.
        interrupt: () => interruptTrainingJob({ store, clock }, key).catch(() => undefined),
        lose: async ({ host }: { host: number }) => engine.lose(runIds(await read())[host] ?? "none"),
      };
      for (const move of plan) {
        await make[move.kind](move as never);
        for (const id of runIds(await read())) runs.add(id);
      }
      // Left alone, the algorithm ends and the loop goes on.
      for (let i = 0; i < 20 && !finalStatuses.includes((await read()).status as never); i++) {
        await controller.reconcile(await read());
        for (const id of runIds(await read())) runs.add(id);
        for (const { id } of engine.running) engine.exit(id, 0);
      }

      // A crash between the end and its clean-up leaves that to the next start's collection.
      await collectGarbage({ ...server.platform, engine });

      const { status, value: job } = await read();
      expect(finalStatuses).toContain(status);
      expect(job.verdict).toBeUndefined();
      expect([...engine.runs.keys()]).toEqual([]);
      for (const id of runs) await expect(access(join(dataDirectory.runs, id))).rejects.toThrow("ENOENT");
      expect(job.failureReason !== undefined).toBe(status === "Failed");
      if (status === "Completed") expect(await objects.head("data", `out/${name}/output/model.tar.gz`)).toBeDefined();
      // Transitions follow one another without gaps, and the last is closed.
      for (const [i, each] of job.transitions.entries()) {
        expect(each.endedAt).toBe(job.transitions[i + 1]?.startedAt ?? job.endedAt);
        expect(each.endedAt).toBeGreaterThanOrEqual(each.startedAt);
      }
    }),
    { numRuns: 100 },
  );
});
