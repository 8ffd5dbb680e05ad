import type { Service } from "../service.ts";
import { imageOperations } from "./images.ts";
import { layerOperations } from "./layers.ts";
import { type EcrOperation, type EcrParts, tieOperations } from "./operation.ts";
import { policyOperations } from "./policies.ts";
import { TOKEN_LIFE_MS } from "./registry-tokens.ts";
import { repositoryOperations } from "./repositories.ts";

/** The password for `docker login`, for the registry of the caller's account and region. */
const getAuthorizationToken: EcrOperation<"GetAuthorizationToken"> = async (_input, context, { tokens }) => {
  const { account, region } = context.scope;
  // The wire carries whole seconds; the token must not end before the time that is told.
  const expiresAt = Math.ceil((context.platform.clock.now() + TOKEN_LIFE_MS) / 1000) * 1000;
  const password = tokens.issue({ account, region, expiresAt });
  return {
    authorizationData: [
      {
        authorizationToken: Buffer.from(`AWS:${password}`).toString("base64"),
        expiresAt: new Date(expiresAt),
        proxyEndpoint: context.publicUrl,
      },
    ],
  };
};

/** Elastic Container Registry: the AWS side of the image registry; `distribution/` is the side that docker speaks. */
export function ecrService(parts: EcrParts): Service {
  const operations = {
    GetAuthorizationToken: getAuthorizationToken,
    ...repositoryOperations,
    ...imageOperations,
    ...layerOperations,
    ...policyOperations,
  };
  return {
    name: "ecr",
    signingNames: ["ecr"],
    protocol: "aws-json-1.1",
    targetPrefixes: ["AmazonEC2ContainerRegistry_V20150921"],
    operations: tieOperations(operations, parts),
  };
}
