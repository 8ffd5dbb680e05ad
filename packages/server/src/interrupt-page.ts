import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "./errors.ts";
import type { JobName } from "./services/sagemaker/training-job/interrupt.ts";

/**
 * `POST /_sagebrush/interrupt?job=NAME[&account=ID&region=NAME]`: interrupts a spot job, for whoever may read the server's
 * token. Answers 204, or an error's status with its sentence as text.
 * @param isAllowed - Whether the request carries the token.
 * @param home - The account and region of a request that names none.
 */
export function interruptPage(
  isAllowed: (request: IncomingMessage) => boolean,
  home: Pick<JobName, "account" | "region">,
  interrupt: (job: JobName) => Promise<void>,
) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== "POST" || !isAllowed(request)) {
      response.writeHead(403).end();
      return;
    }
    const query = new URL(request.url ?? "", "http://localhost").searchParams;
    const name = query.get("job");
    if (name === null) {
      response.writeHead(400, { "content-type": "text/plain" }).end("The query names no job: expected ?job=NAME.");
      return;
    }
    const job = { name, account: query.get("account") ?? home.account, region: query.get("region") ?? home.region };
    interrupt(job).then(
      () => response.writeHead(204).end(),
      (error: unknown) => {
        const status = error instanceof ServiceError ? error.status : 500;
        response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end((error as Error).message);
      },
    );
  };
}
