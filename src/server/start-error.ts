/**
 * Why the server cannot start: one line for the operator, printed as it is; the process ends with exit code 1.
 */
export class StartError extends Error {
  override readonly name = "StartError";
}
