/** What no overlay can hold, however much memory there is: a client is told so, the key stays as it was. */
export class OverlayLimit extends RangeError {
  /** `text`: what is too large or too many, and how much is allowed. */
  constructor(text: string) {
    super(text);
    this.name = "OverlayLimit";
  }
}
