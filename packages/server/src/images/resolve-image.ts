import type { AlgorithmDefinition } from "@sagebrush/algorithms/definitions";
import { algorithmDefinitions as builtIn } from "@sagebrush/algorithms/definitions";
import { frameworkAccounts } from "./frameworks/framework-accounts.ts";
import { builtInFrameworks, type Framework, type FrameworkTable, frameworkOf } from "./frameworks/framework-table.ts";
import type { AlgorithmImage, FrameworkImage, Image } from "./image.ts";
import { onnxRuntimeVersion, onnxTag } from "./onnx-uri.ts";
import { registryAccounts } from "./registry-accounts.ts";

/** No image of ours answers to the URI; the message says why and what would. */
export class UnknownImage extends Error {
  override readonly name = "UnknownImage";
}

/** `ACCOUNT.dkr.ecr.REGION.DOMAIN/REPOSITORY[:TAG|@DIGEST]` */
const registryUri = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.([a-z0-9.-]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/;
/** `linear-learner`, `linear-learner:1` */
const shortName = /^([a-z0-9-]+)(?::([A-Za-z0-9_.-]+))?$/;
/** Any image reference, by the grammar of the container registries: `[HOST[:PORT]/]PATH[:TAG][@sha256:HEX]`. */
const reference =
  /^(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** What an image can be, besides somebody's own. */
export interface KnownImages {
  readonly definitions: readonly AlgorithmDefinition[];
  readonly frameworks: FrameworkTable;
  /** Whether the image's user brings code, for images that are an algorithm without it. */
  readonly hasOwnCode: boolean;
}

/**
 * Finds what an image URI stands for: the registry URIs of SageMaker's built-in algorithms and framework images, in every
 * region, and their bare repository names; everything else that an image can be called is somebody's own.
 * @throws UnknownImage with the reason.
 */
export function resolveImage(uri: string, known: Partial<KnownImages> = {}): Image {
  const { definitions = builtIn, frameworks = builtInFrameworks, hasOwnCode = false } = known;
  const [sharing, others] = [true, false].map((shares) =>
    definitions.filter(({ sharesImagesWithFramework = false }) => sharesImagesWithFramework === shares),
  ) as [AlgorithmDefinition[], AlgorithmDefinition[]];
  const onnx = onnxTag(uri);
  if (onnx?.isThere === true) return { kind: "onnx", uri };
  if (onnx !== undefined) {
    throw new UnknownImage(`Image ${uri} does not exist: sagebrush/onnxruntime has the tag ${onnxRuntimeVersion}.`);
  }
  const image = resolveAlgorithm(uri, others) ?? resolveFramework(uri, frameworks);
  if (image?.kind === "framework" && !hasOwnCode) {
    const definition = sharing.find(({ aliases }) => aliases.includes(image.repository));
    if (definition) return { kind: "algorithm", uri, definition, library: image };
  }
  if (image) return image;
  refuseOldXGBoost(uri);
  if (!reference.test(uri)) throw new UnknownImage(`Image ${uri} cannot be run: this is not an image reference.`);
  return { kind: "container", uri };
}

/** The repository of XGBoost 0.72, in the accounts of the older algorithms; SDKs also give it by its bare name. */
function refuseOldXGBoost(uri: string): void {
  const [, account, region = "", , repository] = registryUri.exec(uri) ?? [];
  const isOfSageMaker =
    repository === "xgboost" && Object.values(registryAccounts).some((accounts) => accounts["mx-style"] === account);
  if (!isOfSageMaker && !/^xgboost(?::|$)/.test(uri)) return;
  const home = registryAccounts[region]?.xgboost ?? registryAccounts["us-east-1"]?.xgboost;
  throw new UnknownImage(
    `Image ${uri} cannot be run: it is XGBoost 0.72, which is not here. Later versions lie in ${home}.dkr.ecr.${region || "us-east-1"}.${registryDomain(region)}/sagemaker-xgboost, with tags such as 1.7-1 and 3.0-5.`,
  );
}

function resolveFramework(uri: string, table: FrameworkTable): FrameworkImage | undefined {
  const [, account, region = "", domain, inRegistry, registryTag, digest] = registryUri.exec(uri) ?? [];
  const [, short, shortTag] = inRegistry === undefined ? (shortName.exec(uri) ?? []) : [];
  const repository = inRegistry ?? short;
  const framework = repository === undefined ? undefined : frameworkOf(table, repository);
  if (repository === undefined || !framework) return undefined;
  if (inRegistry !== undefined && framework.accounts !== undefined) {
    const accounts = accountsOf(framework);
    if (!Object.values(accounts).includes(account as string)) return undefined;
    const home = accounts[region];
    if (home === undefined)
      throw new UnknownImage(`Image ${uri} does not exist: ${repository} is not published in ${region}.`);
    if (account !== home || domain !== registryDomain(region)) {
      throw new UnknownImage(
        `Image ${uri} does not exist: in region ${region}, ${repository} lies in ${home}.dkr.ecr.${region}.${registryDomain(region)}.`,
      );
    }
  }
  if (digest !== undefined) {
    throw new UnknownImage(`Image ${uri} cannot be run: framework images are named by tag here, not by digest.`);
  }
  return { kind: "framework", uri, repository, tag: registryTag ?? shortTag ?? "latest" };
}

/** Accounts that hold a framework's images, by region. */
function accountsOf({ accounts }: Framework): Readonly<Record<string, string | undefined>> {
  const table: Readonly<Record<string, Partial<Record<string, string>>>> =
    accounts === "xgboost" ? registryAccounts : frameworkAccounts;
  return Object.fromEntries(Object.entries(table).map(([region, columns]) => [region, columns[accounts as string]]));
}

/** An account of its own holds the images of each region; any other may hold somebody's own image of the same name. */
function resolveAlgorithm(uri: string, definitions: readonly AlgorithmDefinition[]): AlgorithmImage | undefined {
  const [, account, region = "", domain, repository, tag, digest] = registryUri.exec(uri) ?? [];
  const [, shortRepository, shortTag] = repository === undefined ? (shortName.exec(uri) ?? []) : [];
  const name = repository ?? shortRepository;
  const definition = definitions.find((each) => each.name === name || each.aliases.includes(name as string));
  if (!definition) return undefined;
  if (repository !== undefined) {
    const home = registryAccounts[region]?.[definition.registry];
    const isFirstParty = Object.values(registryAccounts).some((accounts) => accounts[definition.registry] === account);
    if (!isFirstParty) return undefined;
    if (home === undefined) {
      throw new UnknownImage(`Image ${uri} does not exist: ${definition.name} is not published in region ${region}.`);
    }
    if (account !== home || domain !== registryDomain(region)) {
      throw new UnknownImage(
        `Image ${uri} does not exist: in region ${region} the image of ${definition.name} is ${imageUri(definition, region)}.`,
      );
    }
  }
  checkTag(uri, definition, tag ?? shortTag, digest);
  const { needsLibrary } = definition;
  if (needsLibrary === undefined) return { kind: "algorithm", uri, definition };
  return { kind: "algorithm", uri, definition, library: { kind: "framework", uri, ...needsLibrary } };
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
