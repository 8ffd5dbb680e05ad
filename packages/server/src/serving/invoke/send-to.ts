import { type FrontOutcome, invocationHeader, readFrontOutcome } from "../fronts/front-answer.ts";
import { invocationText } from "../fronts/front-request.ts";
import type { Backend } from "../routing/backend.ts";
import { type Named, type Targets, targetHeaders } from "../routing/targets.ts";
import { type ModelRequest, send } from "./send.ts";

/** Through the front of an instance with several containers or models, and else straight to the model. */
export async function sendTo(
  { targets }: { readonly targets: Targets | undefined },
  backend: Backend,
  request: ModelRequest,
  timeoutMs: number,
  named: Named,
): Promise<FrontOutcome> {
  if (targets === undefined) return await send(backend, request, timeoutMs);
  const told = [invocationHeader, invocationText(timeoutMs, request.keptBytes), ...targetHeaders(named)];
  const headers = [...request.headers, ...told];
  return readFrontOutcome(await send(backend, { ...request, headers }, timeoutMs));
}
