/**
 * What steers the runtime of a built-in algorithm, or is how the engine speaks to it. In an image of the caller's own such
 * variables are the caller's; here they would load code that is not the algorithm's, or send it to the wrong place.
 */
const reserved = /^(NODE_|UV_|LD_|SAGEBRUSH_)/;

/** The variables that a built-in algorithm sees of those that a job or a model gives. */
export function builtInEnvironment(given: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([name]) => !reserved.test(name)));
}
