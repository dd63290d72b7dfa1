/** A refusal or failure in words for whoever typed the command. */
export class Failure extends Error {}

/** The ledger is not there now; a stream tries again. */
export class Unreachable extends Failure {}

/** A command that cannot be meant as it was typed. */
export class UsageError extends Failure {}
