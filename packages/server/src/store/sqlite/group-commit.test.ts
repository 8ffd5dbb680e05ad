import { expect, test } from "vitest";
import type { CommitThread } from "./commit-thread.ts";
import type { Task, TaskResult } from "./committer.ts";
import { GroupCommit, StoreOverloaded } from "./group-commit.ts";

/** A thread whose commits end when the test says so. */
function setUp() {
  const batches: { names: string[]; end: (error?: Error) => void }[] = [];
  const thread: CommitThread = {
    commit: (tasks) =>
      new Promise((resolve, reject) => {
        const names = tasks.map(nameOf);
        const results = names.map((name): TaskResult => ({ result: "lease", expiresAt: name.length }));
        batches.push({ names, end: (error) => (error ? reject(error) : resolve(results)) });
      }),
    close: async () => {},
  };
  const limits = { batchTasks: 3, batchText: 10, queueTasks: 5, queueText: 30 };
  return { batches, commits: new GroupCommit(thread, limits) };
}

const lease = (name: string): Task => ({ task: "release", name, owner: "" });
const write = (name: string, length: number): Task => {
  const key = { kind: "k", account: "", region: "", name, version: -1, status: "" };
  return { task: "write", now: 0, writes: [{ op: "put", ...key, value: "x".repeat(length) }] };
};
const nameOf = (task: Task): string => (task.task === "write" ? (task.writes[0]?.name ?? "") : task.name);
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what one turn asks for is one commit; what comes meanwhile is the next", async () => {
  const { batches, commits } = setUp();
  const first = [commits.run(lease("a")), commits.run(lease("bb"))];
  await turn();
  const second = [commits.run(lease("ccc")), commits.run(lease("dddd"))];
  await turn();
  expect(batches.map(({ names }) => names)).toEqual([["a", "bb"]]);
  batches[0]?.end();
  expect(await Promise.all(first)).toEqual([
    { result: "lease", expiresAt: 1 },
    { result: "lease", expiresAt: 2 },
  ]);
  await turn();
  expect(batches[1]?.names).toEqual(["ccc", "dddd"]);
  batches[1]?.end();
  await Promise.all(second);
});

test("a failed commit fails its own tasks, and the next goes on", async () => {
  const { batches, commits } = setUp();
  const first = commits.run(lease("a"));
  await turn();
  const second = commits.run(lease("b"));
  batches[0]?.end(new Error("disk full"));
  await expect(first).rejects.toThrow("disk full");
  await turn();
  batches[1]?.end();
  await expect(second).resolves.toBeDefined();
});

test("a batch is bounded in tasks and in text, and one large task still goes", async () => {
  const { batches, commits } = setUp();
  const all = [write("a", 4), write("b", 4), write("c", 4), write("d", 15), lease("e")].map((task) =>
    commits.run(task),
  );
  for (let index = 0; index < 4; index++) {
    await turn();
    batches[index]?.end();
    await turn();
  }
  await Promise.all(all);
  expect(batches.map(({ names }) => names)).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
});

test("a full queue refuses at once, and takes more when it has room", async () => {
  const { batches, commits } = setUp();
  const waiting = Array.from({ length: 5 }, (_, index) => commits.run(lease(String(index))));
  await expect(commits.run(lease("x"))).rejects.toBeInstanceOf(StoreOverloaded);
  await turn();
  const large = commits.run(write("y", 30));
  await expect(commits.run(write("z", 1))).rejects.toBeInstanceOf(StoreOverloaded);
  for (let index = 0; index < 3; index++) {
    batches[index]?.end();
    await turn();
  }
  await Promise.all([...waiting, large]);
  expect(batches.map(({ names }) => names)).toEqual([["0", "1", "2"], ["3", "4"], ["y"]]);
});

test("a writer that comes back first waits for the others of its commit, but not for long", async () => {
  const { batches, commits } = setUp();
  const first = ["a", "b", "c"].map((name) => commits.run(lease(name)));
  await turn();
  batches[0]?.end();
  await Promise.all(first);
  const second = [commits.run(lease("d"))];
  await turn();
  second.push(commits.run(lease("e")));
  await turn();
  await turn();
  batches[1]?.end();
  await Promise.all(second);
  const alone = commits.run(lease("f"));
  while (batches.length < 3) await turn();
  batches[2]?.end();
  await alone;
  expect(batches.map(({ names }) => names)).toEqual([["a", "b", "c"], ["d", "e"], ["f"]]);
});
