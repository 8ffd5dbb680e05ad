import { validationException } from "../../errors.ts";

/** Subnets and security groups as requests name them. */
interface VpcConfig {
  readonly SecurityGroupIds?: readonly string[] | undefined;
  readonly Subnets?: readonly string[] | undefined;
}

const idPrefixes = { SecurityGroupIds: "sg-", Subnets: "subnet-" } as const;

/**
 * Checks the ids of a VpcConfig, which is kept and described: there is no VPC here in which they could be looked for.
 * @throws ValidationException with the id.
 */
export function checkVpcConfig(vpc: VpcConfig | undefined): void {
  for (const member of ["SecurityGroupIds", "Subnets"] as const) {
    const ids = vpc?.[member] ?? [];
    const prefix = idPrefixes[member];
    const malformed = ids.find((id) => !id.startsWith(prefix) || id.length === prefix.length);
    if (malformed !== undefined) {
      throw validationException(`VpcConfig.${member}: Invalid id: "${malformed}" (expecting "${prefix}...")`);
    }
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice !== undefined) throw validationException(`VpcConfig.${member} has ${twice} twice.`);
  }
}
