import type { Credentials } from "@aws-sdk/client-sts";

/** A tag of a session. Transitive ones go on to sessions of other roles that are asked for with its credentials. */
export interface SessionTag {
  readonly key: string;
  readonly value: string;
  readonly transitive: boolean;
}

/** What temporary credentials stand for. */
export interface SessionGrant {
  /** Twelve digits. */
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** None when absent. */
  readonly tags?: readonly SessionTag[];
}

/** Makes temporary credentials; `CredentialStore.createSession`. */
export type CreateSession = (
  grant: SessionGrant,
) => SessionGrant & { readonly accessKeyId: string; readonly secretAccessKey: string; readonly token: string };

/** STS's form of new credentials. */
export function grantCredentials(createSession: CreateSession, grant: SessionGrant): Credentials {
  // The wire carries whole seconds; the credentials must not end before the time that was told.
  const expiresAt = Math.ceil(grant.expiresAt / 1000) * 1000;
  const session = createSession({ ...grant, expiresAt });
  return {
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    SessionToken: session.token,
    Expiration: new Date(expiresAt),
  };
}
