import type { GetRoleCommandInput, GetRoleResponse } from "@aws-sdk/client-iam";
import { ServiceError } from "../../errors.ts";
import type { Handler } from "../service.ts";
import { findRole } from "./roles.ts";

/** @throws ServiceError `NoSuchEntityException` for a role that is not there. */
export const getRole: Handler<GetRoleCommandInput, GetRoleResponse> = async ({ RoleName }, { scope }) => {
  const role = findRole(scope, RoleName as string);
  if (!role) {
    const message = `The role with name ${RoleName} cannot be found.`;
    throw new ServiceError("NoSuchEntityException", message, { status: 404 });
  }
  return { Role: role };
};
