/** The database could not do it just now, for a reason outside the query: trying again may help. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** The same document was changed by somebody else between load and save; loading it again helps. */
export class ConflictError extends StoreError {
  override readonly name = 'ConflictError';
}

/** The database is there, and cannot be used as it is: to try again does not help. */
export class UnfitError extends Error {
  override readonly name = 'UnfitError';
}
