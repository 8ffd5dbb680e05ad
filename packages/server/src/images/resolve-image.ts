import type { AlgorithmDefinition } from "@sagebrush/algorithms/definitions";
import { algorithmDefinitions as builtIn } from "@sagebrush/algorithms/definitions";
import { registryAccounts } from "./registry-accounts.ts";

/** What an image URI stands for. */
export interface ResolvedImage {
  readonly kind: "algorithm";
  readonly definition: AlgorithmDefinition;
}

/** No image of ours answers to the URI; the message says why and what would. */
export class UnknownImage extends Error {
  override readonly name = "UnknownImage";
}

/** `ACCOUNT.dkr.ecr.REGION.DOMAIN/REPOSITORY[:TAG|@DIGEST]` */
const registryUri = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.([a-z0-9.-]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/;
/** `linear-learner`, `linear-learner:1` */
const shortName = /^([a-z0-9-]+)(?::([A-Za-z0-9_.-]+))?$/;

/**
 * Finds what an image URI stands for: the registry URIs of SageMaker's built-in algorithms, in every region, and their
 * bare repository names.
 * @param definitions - The built-in algorithms to choose from.
 * @throws UnknownImage with the reason.
 */
export function resolveImage(uri: string, definitions: readonly AlgorithmDefinition[] = builtIn): ResolvedImage {
  const inRegistry = registryUri.exec(uri);
  const short = inRegistry ? null : shortName.exec(uri);
  const repository = inRegistry?.[4] ?? short?.[1];
  if (repository === undefined) {
    throw new UnknownImage(
      `Image ${uri} cannot be run: it is neither a built-in algorithm's image nor one of an engine that is set up.`,
    );
  }
  const definition = definitions.find(({ name, aliases }) => name === repository || aliases.includes(repository));
  if (!definition) throw new UnknownImage(unknownRepository(uri, repository, definitions));
  if (inRegistry) checkRegistry(uri, definition, inRegistry);
  checkTag(uri, definition, inRegistry ? inRegistry[5] : short?.[2], inRegistry?.[6]);
  return { kind: "algorithm", definition };
}

function unknownRepository(uri: string, repository: string, definitions: readonly AlgorithmDefinition[]): string {
  const names = definitions.map(({ name }) => name).join(", ");
  return `Image ${uri} cannot be run: ${repository} is not a built-in algorithm of this version (${names}), and container images of your own are not supported yet.`;
}

/** An account of its own holds the images of each region; any other may be somebody's own image of the same name. */
function checkRegistry(uri: string, definition: AlgorithmDefinition, [, account, region, domain]: RegExpExecArray) {
  const expected = registryAccounts[region as string]?.[definition.registry];
  if (expected === undefined) {
    throw new UnknownImage(`Image ${uri} does not exist: ${definition.name} is not published in region ${region}.`);
  }
  if (account !== expected || domain !== registryDomain(region as string)) {
    throw new UnknownImage(
      `Image ${uri} cannot be run: in region ${region} the image of ${definition.name} is ${imageUri(definition, region as string)}, and container images of your own are not supported yet.`,
    );
  }
}

/** The first-party images are published as `1` and `latest`; a digest pins bytes that we do not have. */
function checkTag(uri: string, definition: AlgorithmDefinition, tag: string | undefined, digest: string | undefined) {
  if (digest !== undefined) {
    throw new UnknownImage(`Image ${uri} cannot be run: built-in algorithms are named by tag, not by digest.`);
  }
  if (definition.registry !== "xgboost" && tag !== undefined && tag !== "1" && tag !== "latest") {
    throw new UnknownImage(`Image ${uri} does not exist: ${definition.name} is published with the tag 1.`);
  }
}

/** The registry URI of a built-in algorithm in one region, as the SDKs build it. */
export function imageUri(definition: AlgorithmDefinition, region: string): string | undefined {
  const account = registryAccounts[region]?.[definition.registry];
  return account && `${account}.dkr.ecr.${region}.${registryDomain(region)}/${definition.name}:1`;
}

function registryDomain(region: string): string {
  if (region.startsWith("cn-")) return "amazonaws.com.cn";
  if (region.startsWith("us-iso-")) return "c2s.ic.gov";
  if (region.startsWith("us-isob-")) return "sc2s.sgov.gov";
  if (region.startsWith("us-isof-")) return "csp.hci.ic.gov";
  return "amazonaws.com";
}
