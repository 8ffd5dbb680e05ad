/** FailureReason's limit in characters. */
const limit = 1024;

/**
 * The memory ran out. The first sentence is the service's own.
 * @param host - Which of several hosts it was.
 */
export function outOfMemoryReason(host?: string): string {
  const sentence =
    "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an instance.";
  return host === undefined ? sentence : `${sentence} It was ${host} that ran out of memory.`;
}

/**
 * The disk ran out. The first words are what a program sees whose disk is full.
 * @param host - Which of several hosts it was.
 */
export function volumeFullReason(sizeGB: number, host?: string): string {
  const sentence = `ClientError: No space left on device: the job filled its volume of ${sizeGB} GB. Give ResourceConfig a larger VolumeSizeInGB, or write less to disk.`;
  return host === undefined ? sentence : `${sentence} It was ${host} that filled its volume.`;
}

/**
 * What an algorithm that ended with an error becomes: `AlgorithmError: TEXT, exit code: N`, cut from the text.
 * @param host - Which of several hosts failed; its name comes before the text.
 */
export function algorithmError(text: string, exitCode: number, host?: string): string {
  const head = host === undefined ? "AlgorithmError: " : `AlgorithmError: ${host}: `;
  const tail = `, exit code: ${exitCode}`;
  return `${head}${clip(text.trim(), limit - head.length - tail.length)}${tail}`;
}

/** A reason of any other kind, cut to the limit. */
export function clippedReason(text: string): string {
  return clip(text, limit);
}

/** Cuts by characters as people count them, never through a surrogate pair. */
function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}
