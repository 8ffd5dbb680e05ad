/** What Docker, Podman, runc and crun say when the command is not in the image, or cannot be executed. */
const notFound = /executable file (.* )?not found|no such file or directory|stat .*: no such file/i;
const notExecutable = /permission denied|exec format error|is a directory/i;
/** Only where it is about the command: the same words are said of the host's own files. */
const aboutCommand = /exec|starting container process|entrypoint|command not found/i;

/**
 * Tells a command that cannot be executed from everything else that can keep a container from starting.
 * @returns The exit code that a shell gives, or undefined when the fault is not the command's.
 */
export function startFailure(message: string): { readonly exitCode: 126 | 127 } | undefined {
  if (!aboutCommand.test(message)) return undefined;
  if (notFound.test(message)) return { exitCode: 127 };
  return notExecutable.test(message) ? { exitCode: 126 } : undefined;
}

/** The same, told by the last line of the log where the engine's init program executes the command. */
export function initFailure(lastLine: string): { readonly exitCode: 126 | 127; readonly reason: string } | undefined {
  const reason = /ERROR \(catatonit:\d+\): failed to exec pid1: (.*)$/.exec(lastLine)?.[1];
  return reason === undefined ? undefined : { exitCode: reason.startsWith("No such file") ? 127 : 126, reason };
}
