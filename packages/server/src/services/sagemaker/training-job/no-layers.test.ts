import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { layersRefusal } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { nodeSupervisor } from "../../../engines/supervised/supervisor.ts";
import { Images } from "../../../images/images.ts";
import { RegistryImages } from "../../../images/registry-images.ts";
import { silentLog } from "../../../log.ts";
import { startJobServerOn } from "./testkit/job-server.ts";

where("pushed images without a compiler", [requirements.bubblewrap, requirements.userNamespaces], () => {
  test("without the native supervisor an image is refused when the job is created, with what to install", async () => {
    const place = mkdtempSync(join(tmpdir(), "sagebrush-images-"));
    const settings = { directory: place, kind: "sandbox" as const, log: silentLog };
    const engine = await openEngine({ ...settings, supervisor: nodeSupervisor() });
    const source = new RegistryImages({
      registry: undefined as never, // never asked: no image is looked for
      cache: undefined as never,
      publicUrls: [],
      refusal: () => layersRefusal(engine.capabilities),
    });
    const jobServer = await startJobServerOn(async () => engine, new Images([source]));
    try {
      const AlgorithmSpecification = {
        TrainingImage: "127.0.0.1:9310/team/tool:v1",
        TrainingInputMode: "File" as const,
      };
      await expect(jobServer.create({ AlgorithmSpecification, HyperParameters: {} })).rejects.toThrow(
        /no native supervisor.*install a C compiler \(Debian: apt-get install gcc libc6-dev\) and run set-up again/,
      );
    } finally {
      await jobServer.close();
      rmSync(place, { recursive: true, force: true });
    }
  });
});
