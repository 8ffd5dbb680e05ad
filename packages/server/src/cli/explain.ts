import { ConfigurationError } from "../configuration.ts";
import { OperatorError } from "../errors.ts";
import { CommandError } from "./command-error.ts";

/** Names of errors whose message says all that a person needs. */
const plain = new Set(["EngineUnavailable", "UnsafeListener"]);

/**
 * A person's mistake or the machine's state, in one sentence; `undefined` for what can only be a mistake of ours, which
 * deserves its stack.
 */
export function explain(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof ConfigurationError || error instanceof CommandError || error instanceof OperatorError) {
    return error.message;
  }
  if (plain.has(error.name)) return error.message;
  const { code, syscall, path, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} is in use by another program; choose another with --port (0 takes a free one).`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `this machine has no address ${address ?? "of that name"} to listen on; see --host.`;
    case "ECONNREFUSED":
    case "ECONNRESET":
      return "the server does not answer any more. Jobs and endpoints go on; `sagebrush up` starts it again.";
    case "EACCES":
      if (syscall === "listen")
        return `port ${port} needs rights that this user does not have; choose one with --port.`;
      break;
    default:
  }
  // A file or folder that was named, or lies where one was named.
  if (code !== undefined && path !== undefined) return `${path}: ${error.message.split(",")[0]}`;
  if (/^ERR_OSSL|^ERR_SSL/.test(code ?? "")) return `the TLS files cannot be used: ${error.message}`;
  return undefined;
}
