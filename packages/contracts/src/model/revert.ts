/** Ends a call of the model as a revert ends one of the contracts: `apply` turns it into a result, it never leaves the model. */
export class ModelRevert extends Error {
  /** The name of the custom error. */
  readonly errorName: string;

  constructor(errorName: string) {
    super(errorName);
    this.errorName = errorName;
  }
}

export function require(holds: boolean, errorName: string): asserts holds {
  if (!holds) throw new ModelRevert(errorName);
}
