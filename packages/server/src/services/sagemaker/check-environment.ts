import { validationException } from "../../errors.ts";

/**
 * Refuses variables that no process can have: a NUL character ends a name or a value. The pattern of the service's model
 * lets it through.
 * @param member - Where the variables stand in the request.
 * @throws ValidationException with the variable's name.
 */
export function checkEnvironment(member: string, environment: Readonly<Record<string, string>> | undefined): void {
  for (const [name, value] of Object.entries(environment ?? {})) {
    if (!`${name}${value}`.includes("\0")) continue;
    throw validationException(`${member}.${name.replaceAll("\0", "\\0")} must not hold a NUL character.`);
  }
}
