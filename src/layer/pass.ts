/** What the passes of a build, each in its Worker, share with the thread that ordered them. */

/** How a pass tells how far it is, and learns that it is to end. */
export interface PassControl {
  /** Called every few MiB. Throws PassStopped when the build has been given up. */
  report(bytes: number, keys: number): void;
}

/** The build was given up: the Worker ends quietly. */
export class PassStopped extends Error {
  constructor() {
    super("the build was given up");
    this.name = "PassStopped";
  }
}
