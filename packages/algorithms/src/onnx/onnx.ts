import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Answerer, LoadContext, ServableModule } from "../job/algorithm.ts";
import { RequestError } from "../job/errors.ts";
import { readInputs } from "./read-inputs.ts";
import { loadRuntime } from "./runtime.ts";
import { writeOutputs } from "./write-outputs.ts";

/** Serves models in the ONNX format with ONNX Runtime, whose folder of packages is the library. */
export const onnx: ServableModule = {
  title: "ONNX Runtime",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  load,
};

/** Loads the one `.onnx` file of a folder, or `model.onnx` among several. */
async function load(directory: string, { library, cpus }: LoadContext): Promise<Answerer> {
  if (library === undefined) throw new Error("ONNX Runtime is not here");
  const runtime = loadRuntime(library);
  const options = { intraOpNumThreads: cpus, logSeverityLevel: 3 };
  const session = await runtime.InferenceSession.create(join(directory, modelFile(directory)), options);
  // Lists of maps, as converters make them of class probabilities by default, have no form in Node.
  const fetches = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  if (fetches.length === 0) {
    throw new Error("the model has no output that is a tensor; convert it without ZipMap (options={'zipmap': False})");
  }
  return {
    maxConcurrentTransforms: 1,
    answersLater: true,
    answer: () => {
      throw new Error("a model of ONNX Runtime answers later");
    },
    async answerLarge({ contentType, accept, body }) {
      const feeds = readInputs(runtime, session.inputMetadata, contentType, body);
      return writeOutputs(await run(feeds), accept);
    },
  };

  async function run(feeds: Parameters<typeof session.run>[0]) {
    try {
      return await session.run(feeds, fetches);
    } catch (cause) {
      // The runtime says which node of the model could not make anything of the request.
      throw new RequestError(400, `The model failed on this request: ${(cause as Error).message}`, { cause });
    }
  }
}

function modelFile(directory: string): string {
  const files = readdirSync(directory).filter((name) => name.endsWith(".onnx"));
  if (files.includes("model.onnx")) return "model.onnx";
  const [only] = files;
  if (only !== undefined && files.length === 1) return only;
  throw new Error(
    only === undefined
      ? "the model has no file that ends with .onnx"
      : `the model has several .onnx files and none is model.onnx: ${files.join(", ")}`,
  );
}
