import type { Exchange } from "./exchange.ts";
import { answerError } from "./handlers/answer-error.ts";
import { authenticate } from "./handlers/authenticate.ts";
import { checkHost } from "./handlers/check-host.ts";
import { checkOrigin } from "./handlers/check-origin.ts";
import { identify } from "./handlers/identify.ts";
import { invoke } from "./handlers/invoke.ts";
import { readInput } from "./handlers/read-input.ts";
import { record } from "./handlers/record.ts";
import { validate } from "./handlers/validate.ts";
import { writeOutput } from "./handlers/write-output.ts";

/** One step of a request. Returns a promise only where it must wait, so that a small request costs few turns. */
type ChainHandler = (exchange: Exchange) => void | Promise<void>;

/**
 * The path of every request, in order. A handler that throws ends it: `answerError` writes the error in the protocol's
 * form. One that answers by itself (a preflight) ends it too. `record` sees every request.
 */
const chain: readonly ChainHandler[] = [
  checkHost, //     is the Host name ours?                                      421 InvalidHost
  checkOrigin, //   may the web page that sends this speak to us? preflights    403 AccessForbidden
  identify, //      which service, which operation?                             404, S3 405
  authenticate, //  who calls, and is the request as they signed it?            403
  readInput, //     the operation's input, of the model's types                 400 SerializationException, MalformedXML
  validate, //      the model's constraints, all violations at once             400 ValidationException
  invoke, //        what the operation means                                    whatever the service throws
  writeOutput, //   the output in the protocol's form
];

/** Takes one request through the chain. Never throws. */
export async function run(exchange: Exchange): Promise<void> {
  try {
    for (const handler of chain) {
      const waiting = handler(exchange);
      if (waiting !== undefined) await waiting;
      if (exchange.response.writableEnded) break;
    }
  } catch (error) {
    answerError(exchange, error);
  } finally {
    record(exchange);
  }
}
