import { load } from "../serving/load.ts";

/** A request's parts; CSV to JSON by default. */
interface Asked {
  readonly body: string | Buffer;
  readonly contentType?: string;
  readonly accept?: string;
}

/** Loads a model and asks it as an endpoint does. */
export async function openAnswers(directory: string): Promise<(asked: Asked) => string> {
  const model = await load(directory);
  return ({ body, contentType = "text/csv", accept }) =>
    String(model.answer({ contentType, accept, body: Buffer.from(body) }).body);
}
