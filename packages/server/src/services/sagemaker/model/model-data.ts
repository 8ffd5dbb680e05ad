import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import { parseModelDataUrl } from "../../../serving/artifacts/model-location.ts";
import type { AdditionalData, ModelData } from "../../../serving/fleet.ts";
import type { OperationContext } from "../../service.ts";
import type { ContainerDefinition } from "./model-record.ts";

type DataSource = NonNullable<ContainerDefinition["ModelDataSource"]>;
type S3DataSource = NonNullable<DataSource["S3DataSource"]>;
type Container = Pick<ContainerDefinition, "ModelDataUrl" | "ModelDataSource" | "AdditionalModelDataSources">;

/**
 * What a container's model is made of; `undefined` where its image brings it.
 * @throws ValidationException when that cannot be read from the request.
 */
export function modelDataOf({ ModelDataUrl: url, ModelDataSource: source }: Container): ModelData | undefined {
  if (url !== undefined && source !== undefined) {
    throw validationException("You cannot specify both ModelDataUrl and ModelDataSource. Give one of them.");
  }
  if (source !== undefined) {
    if (source.S3DataSource === undefined) throw validationException("ModelDataSource.S3DataSource is required.");
    return dataOf("ModelDataSource.S3DataSource", source.S3DataSource);
  }
  if (url === undefined) return undefined;
  const location = parseModelDataUrl(url);
  if (location !== undefined) return { ...location, url };
  throw validationException(`Invalid model data URL ${url}: it must name an object, as s3://BUCKET/KEY does.`);
}

/** Its further folders of data. @throws ValidationException naming the member. */
export function additionalDataOf({ AdditionalModelDataSources: sources = [] }: Container): AdditionalData[] {
  const channels = new Set<string>();
  return sources.map(({ ChannelName: channel, S3DataSource: source }, index) => {
    const member = `AdditionalModelDataSources[${index}].S3DataSource`;
    if (channel === undefined || source === undefined) throw validationException(`${member} is required.`);
    if (channel === "." || channel === ".." || channel.includes("/")) {
      throw validationException(`AdditionalModelDataSources: ChannelName "${channel}" cannot be the name of a folder.`);
    }
    if (channels.has(channel)) {
      throw validationException(`AdditionalModelDataSources: ChannelName "${channel}" is given twice.`);
    }
    channels.add(channel);
    return { channel, data: dataOf(member, source) };
  });
}

/**
 * Like SageMaker, looks for what a model is made of at once: a typing error should not wait for an endpoint to show.
 * @throws ValidationException when something is not there, or another version of it.
 */
export async function checkModelData(container: Container, context: OperationContext): Promise<void> {
  const data = modelDataOf(container);
  if (data !== undefined) await checkIsThere(data, container.ModelDataSource?.S3DataSource, context);
  const sources = container.AdditionalModelDataSources ?? [];
  for (const [index, { data: each }] of additionalDataOf(container).entries()) {
    await checkIsThere(each, sources[index]?.S3DataSource, context);
  }
}

function dataOf(member: string, source: S3DataSource): ModelData {
  const { S3Uri: url, S3DataType: type, CompressionType: compression, ManifestS3Uri: manifestUri } = source;
  if (url === undefined) throw validationException(`${member}.S3Uri is required.`);
  if (source.HubAccessConfig !== undefined) {
    throw validationException(
      `${member}.HubAccessConfig is not supported: there is no hub of models here. Give the S3Uri of a copy of the model.`,
    );
  }
  const location = parseS3Uri(url);
  if (location === undefined) throw validationException(`${member}.S3Uri "${url}" is not an S3 URI.`);
  if (compression === "Gzip") {
    if (type !== "S3Object") {
      throw validationException(`${member}: CompressionType Gzip needs S3DataType S3Object, one archive; got ${type}.`);
    }
    if (manifestUri !== undefined) throw manifestRefused(member);
    return named(member, { ...location, url });
  }
  if (type === "S3Object") {
    if (manifestUri !== undefined) throw manifestRefused(member);
    return named(member, { ...location, url, form: "object" });
  }
  if (!url.endsWith("/")) {
    throw validationException(`${member}.S3Uri "${url}" must end with a slash for S3DataType S3Prefix.`);
  }
  const manifest = manifestUri === undefined ? undefined : parseS3Uri(manifestUri);
  if (manifestUri !== undefined && !manifest?.key) {
    throw validationException(`${member}.ManifestS3Uri "${manifestUri}" is not the S3 URI of an object.`);
  }
  return { ...location, url, form: "prefix", ...(manifest && { manifest }) };
}

function named(member: string, data: ModelData): ModelData {
  if (data.key !== "" && !data.key.endsWith("/")) return data;
  throw validationException(`${member}.S3Uri "${data.url}" must name an object for S3DataType S3Object.`);
}

function manifestRefused(member: string): Error {
  return validationException(`${member}.ManifestS3Uri is for uncompressed data of S3DataType S3Prefix only.`);
}

async function checkIsThere(
  { bucket, key, url, form, manifest }: ModelData,
  source: S3DataSource | undefined,
  { scope, platform }: OperationContext,
): Promise<void> {
  const { objects } = platform;
  const missing = (at: string): Error => validationException(`Could not find model data at ${at}.`);
  if (!(await objects.hasBucket(bucket, scope.account))) throw missing(url);
  if (form === "prefix") {
    const first = await objects.list(bucket, key)[Symbol.asyncIterator]().next();
    if (first.done === true) throw missing(url);
  } else await checkObject(url, { bucket, key }, source?.ETag, platform);
  if (manifest === undefined) return;
  const { ManifestS3Uri: uri = "", ManifestEtag: tag } = source ?? {};
  if (!(await objects.hasBucket(manifest.bucket, scope.account))) throw missing(uri);
  await checkObject(uri, manifest, tag, platform);
}

async function checkObject(
  uri: string,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  wanted: string | undefined,
  { objects }: OperationContext["platform"],
): Promise<void> {
  const entry = await objects.head(bucket, key);
  if (entry === undefined) throw validationException(`Could not find model data at ${uri}.`);
  const [given, found] = [wanted ?? entry.etag, entry.etag].map((tag) => tag.replaceAll('"', ""));
  if (given !== found) {
    throw validationException(
      `The object at ${uri} has the ETag "${found}", not "${given}": it is another version of it.`,
    );
  }
}
