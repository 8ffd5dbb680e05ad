/**
 * The lease that guards the removal of object bytes. A backup takes a snapshot of the records and then copies the
 * bytes they refer to; until it has, nothing may remove any. So whoever removes object files that a record once
 * referred to holds this lease while it does, and puts the work off while another (a backup) has it.
 */
export const objectBytesLease = "object-bytes";
