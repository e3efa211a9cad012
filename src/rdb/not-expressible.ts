/** What a value holds cannot be written in the RDB version asked for. The message says what it is, without the key. */
export class NotExpressible extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NotExpressible";
  }
}
