/** What a job or a model says of code that its user brings. */
interface CodeSigns {
  readonly hyperparameters?: Readonly<Record<string, string>> | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly arguments?: readonly string[] | undefined;
}

/** Whether a job or a model brings code of its own, by what the SDKs and the images' toolkits go by. */
export function hasOwnCode({ hyperparameters, environment, entrypoint, arguments: words }: CodeSigns): boolean {
  const names = [hyperparameters?.["sagemaker_program"], environment?.["SAGEMAKER_PROGRAM"]];
  return names.some((name) => name !== undefined && name !== "") || entrypoint !== undefined || words !== undefined;
}
