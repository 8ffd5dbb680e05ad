import { expect, test } from "vitest";
import { CommandError } from "./command-error.ts";
import { explain } from "./explain.ts";

const system = (fields: object): Error => Object.assign(new Error("ENOENT: no such file, open '/x'"), fields);

test.for<[string, unknown, RegExp | undefined]>([
  ["our own sentence", new CommandError("name one job."), /^name one job\.$/],
  ["a port in use", system({ code: "EADDRINUSE", port: 9310 }), /^port 9310 is in use .*--port/],
  ["a port without rights", system({ code: "EACCES", syscall: "listen", port: 80 }), /^port 80 needs rights/],
  ["a server that went away", system({ code: "ECONNREFUSED" }), /does not answer any more/],
  ["a file that is missing", system({ code: "ENOENT", path: "/x" }), /^\/x: ENOENT: no such file$/],
  ["a mistake of ours", new TypeError("x is not a function"), undefined],
  ["no error at all", "text", undefined],
])("%s", ([, error, sentence]) => {
  if (sentence === undefined) expect(explain(error)).toBeUndefined();
  else expect(explain(error)).toMatch(sentence);
});
