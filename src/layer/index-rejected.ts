/** Why an index file cannot be used. Never shown as a failure: the index is built again, and the log gives the reason. */
export class IndexRejected extends Error {
  /** A clause that follows "index <path>: ". */
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = "IndexRejected";
    this.reason = reason;
  }
}
