import {
  DescribeScalingActivitiesCommand,
  type DescribeScalingActivitiesCommandInput,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  RegisterScalableTargetCommand,
  type RegisterScalableTargetCommandInput,
} from "@aws-sdk/client-application-auto-scaling";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  type ProductionVariant,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { expect, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

/** Time that a test moves; it goes on by itself as well. */
export class MovedClock {
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  move(ms: number): void {
    this.#ahead += ms;
  }
}

const patiently = { timeout: 10_000, interval: 5 };

/** A server with endpoints to scale, whose time a test moves. */
export class ScaledWorld {
  server: ServingServer;
  readonly clock: MovedClock;

  private constructor(server: ServingServer, clock: MovedClock) {
    this.server = server;
    this.clock = clock;
    server.engine.clock = clock;
  }

  static async start(): Promise<ScaledWorld> {
    const clock = new MovedClock();
    // The middle of a minute: what a test counts falls into one.
    clock.move(30_000 - (clock.now() % 60_000));
    return new ScaledWorld(await startServingServer({ clock }), clock);
  }

  async restart(): Promise<void> {
    const { behaviour } = this.server.engine;
    this.server = await this.server.restart();
    this.server.engine.behaviour = behaviour;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  /** An endpoint of one variant, `All`. */
  async deploy(name: string, kind: Partial<ProductionVariant> = oneInstance): Promise<void> {
    const { server } = this;
    const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
    const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
    const PrimaryContainer = { Image: "linear-learner", ModelDataUrl };
    await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
    const variant = { VariantName: "All", ModelName: name, ...kind };
    await server.sagemaker.send(
      new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant] }),
    );
    await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
    await this.hasInstances(name, 1);
  }

  async describe(EndpointName: string) {
    return await this.server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
  }

  /** Waits until an endpoint has so many instances, wants as many and is InService. */
  async hasInstances(name: string, count: number): Promise<void> {
    await vi.waitFor(async () => {
      expect(await this.describe(name)).toMatchObject({
        EndpointStatus: "InService",
        ProductionVariants: [{ CurrentInstanceCount: count, DesiredInstanceCount: count }],
      });
    }, patiently);
  }

  register(name: string, change: Partial<RegisterScalableTargetCommandInput> = {}) {
    return this.server.autoscaling.send(
      new RegisterScalableTargetCommand({ ...target(name), MinCapacity: 1, MaxCapacity: 4, ...change }),
    );
  }

  put(name: string, PolicyName: string, change: Partial<PutScalingPolicyCommandInput>) {
    return this.server.autoscaling.send(new PutScalingPolicyCommand({ ...target(name), PolicyName, ...change }));
  }

  async activities(name: string, change: Partial<DescribeScalingActivitiesCommandInput> = {}) {
    const { ScalingActivities = [] } = await this.server.autoscaling.send(
      new DescribeScalingActivitiesCommand({ ...target(name), ...change }),
    );
    return ScalingActivities;
  }

  async invoke(EndpointName: string): Promise<string> {
    const { Body } = await this.server.runtime.send(
      new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x") }),
    );
    return Buffer.from(Body).toString();
  }

  /** Lets minutes go by in which each instance keeps so many cores busy. */
  async busyMinutes(count: number, cores: number): Promise<void> {
    const { engine, utilization } = this.server;
    for (let minute = 0; minute < count; minute++) {
      for (const { id } of engine.running) {
        const { cpuSeconds = 0 } = engine.usages.get(id) ?? {};
        const idle = { memoryBytes: 2 ** 30, readBytes: 0, writtenBytes: 0, receivedBytes: 0, sentBytes: 0 };
        engine.usages.set(id, { ...idle, cpuSeconds: cpuSeconds + 60 * cores });
      }
      await utilization.look();
      this.clock.move(60_000);
      await this.server.lookAtTargets();
    }
  }

  /** Lets minutes go by with so many requests in each. */
  async minutes(name: string, count: number, requests: number): Promise<void> {
    for (let minute = 0; minute < count; minute++) {
      for (let n = 0; n < requests; n++) await this.invoke(name);
      await this.server.publish();
      this.clock.move(60_000);
    }
    await this.server.lookAtTargets();
  }
}

const oneInstance = { InitialInstanceCount: 1, InstanceType: "ml.m5.large" } as const;

/** What names the variant of such an endpoint. */
export function target(name: string) {
  return {
    ServiceNamespace: "sagemaker",
    ResourceId: `endpoint/${name}/variant/All`,
    ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
  } as const;
}
