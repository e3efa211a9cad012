/**
 * How far the indexing of the snapshot has come: what INFO's loading_* fields show, and whether commands are refused
 * with -LOADING.
 */
export class LoadingState {
  active = false;
  startedAtMs = 0;
  totalBytes = 0;
  loadedBytes = 0;
  keys = 0;

  begin(nowMs: number): void {
    this.active = true;
    this.startedAtMs = nowMs;
  }

  step(loadedBytes: number, totalBytes: number, keys: number): void {
    this.loadedBytes = loadedBytes;
    this.totalBytes = totalBytes;
    this.keys = keys;
  }

  end(): void {
    this.active = false;
  }

  percent(): number {
    return (this.loadedBytes / Math.max(1, this.totalBytes)) * 100;
  }

  /** Seconds left at the speed so far; 1 when nothing can be said, as Redis. */
  etaSeconds(nowMs: number): number {
    const elapsed = (nowMs - this.startedAtMs) / 1000;
    if (elapsed < 1 || this.loadedBytes === 0) return 1;
    return Math.round((elapsed * (this.totalBytes - this.loadedBytes)) / this.loadedBytes);
  }
}
