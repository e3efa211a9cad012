/** Finds a short script that shows the same difference: steps are left out as long as it stays (delta debugging). */
import { type Difference, Run } from "./run.ts";
import type { Step } from "./script.ts";
import type { Servers } from "./servers.ts";

export interface Shrunk {
  readonly script: readonly Step[];
  readonly difference: Difference;
}

const KEPT_LAST = new Set(["@check", "@drain"]);

/** The whole script up to the difference when it does not show it again. Null then. */
export async function shrunk(
  servers: Servers,
  script: readonly Step[],
  first: Difference,
  msMax: number,
): Promise<Shrunk | null> {
  const deadline = Date.now() + msMax;
  const shows = async (candidate: readonly Step[]): Promise<Difference | null> => {
    const found = await new Run(servers, candidate).run(candidate);
    return found !== null && found.kind === first.kind ? found : null;
  };
  const needsCheck = first.kind.startsWith("state");
  let steps = script
    .slice(0, first.steps)
    .filter(([name], i) => i === first.steps - 1 || !KEPT_LAST.has(name as string));
  let difference = await shows(steps);
  if (difference === null) {
    steps = script.slice(0, first.steps);
    difference = await shows(steps);
  }
  if (difference === null) return null;
  const tail = needsCheck || first.kind === "@drain" ? 1 : 0;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = steps.length - tail - size; at > -size && Date.now() < deadline; at -= size) {
      const candidate = [...steps.slice(0, Math.max(0, at)), ...steps.slice(at + size)];
      const found = await shows(candidate);
      if (found !== null) {
        steps = candidate;
        difference = found;
      }
    }
  }
  return { script: steps, difference };
}
