import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pythonEnvironment, pythonMissing, pythonOf } from "../../scripts/setup/python-environment.mjs";
import { root, runStage } from "../../scripts/setup.mjs";

/**
 * `npm run test:frameworks [-- PYTEST WORDS]`: training scripts of frameworks that are too large to download in every
 * `npm test`, through the SageMaker Python SDK. The environments that it makes stay in .build/environments.
 */
const client = "sagemaker-v2";

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  const missing = pythonMissing();
  if (missing !== undefined) {
    process.stderr.write(`${missing}\n`);
    return 1;
  }
  await runStage(pythonEnvironment(client));
  const conformance = join(root, "test", "conformance");
  // The fixtures are those of the client suites.
  const pytest = ["-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "--tb=short", "--durations=0", "-v"];
  const { status } = spawnSync(pythonOf(root, client), [...pytest, join("test", "frameworks"), ...words], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PYTHONPATH: conformance, PYTHONDONTWRITEBYTECODE: "1" },
  });
  return status ?? 1;
}
