/**
 * Input taken from the kernel directly, past the runtime's event loop, while many clients send at once. An event of the
 * runtime costs more than a small request; here a round of all clients that have input costs one call, and the keys of
 * all their requests are prefetched together (docs/decisions/0005).
 *
 *   runtime: data event ──► Connection.receive
 *                └─ harvest: epoll ─► recv each ─► parse all ─► prefetch all ─► execute and send each ─► again, until
 *                            nothing has come, or time is up
 *
 * The sockets stay the runtime's: it accepts, closes and watches them, and sees the same input if nobody takes it here. So
 * an idle server sleeps in the runtime, and whatever is out of the ordinary (end of stream, an error, a full socket, a
 * paused client) is left to it.
 */
import type { Connection, RequestService } from "./connection.ts";
import { Epoll, EVENTS_MAX } from "./epoll.ts";
import { BATCH_MAX } from "./request-batch.ts";
import type { RequestReader } from "./request-reader.ts";
import type { Turns } from "./turns.ts";

/** Received at once of one client. */
const RECEIVE_BYTES_MAX = 64 * 1024;
const BUFFER_BYTES = 4 * RECEIVE_BYTES_MAX;
/** After so much time in harvests the event loop has its turn: what else waits there (timers, workers, signals) waits for it. */
const HARVEST_MS_MAX = 4;
/** As long as that when other work is queued. */
const HARVEST_BUSY_MS_MAX = 0.5;
/** After harvests without yield, so many events pass before the next try. */
const PATIENCE_MAX = 15;

export class DirectInput<Owner> {
  /** Times that a client's input was taken here. */
  receptions = 0;
  readonly #epoll: Epoll;
  readonly #service: RequestService<Owner>;
  readonly #reader: RequestReader;
  readonly #turns: Turns;
  readonly #connections: (Connection<Owner> | null)[] = [];
  readonly #freeKeys: number[] = [];
  /** A round's clients, and where in the buffer their bytes lie. */
  readonly #round: Connection<Owner>[] = [];
  readonly #starts = new Int32Array(EVENTS_MAX);
  readonly #ends = new Int32Array(EVENTS_MAX);
  /** Where in the batch their requests begin, the end of the last one included. */
  readonly #firsts = new Int32Array(EVENTS_MAX + 1);
  /** Events to pass before the next harvest. */
  #patience = 0;
  #passed = 0;
  /** Time in harvests that the event loop has not had since. */
  #spentMs = 0;
  /** No harvest before the event loop has had its turn. */
  #isDue = false;
  readonly #turnEnds = () => {
    this.#isDue = false;
    this.#spentMs = 0;
  };

  private constructor(epoll: Epoll, service: RequestService<Owner>, reader: RequestReader, turns: Turns) {
    this.#epoll = epoll;
    this.#service = service;
    this.#reader = reader;
    this.#turns = turns;
  }

  /** Null where the system does not allow it. `reader`, `turns`: the listener's. */
  static open<Owner>(service: RequestService<Owner>, reader: RequestReader, turns: Turns): DirectInput<Owner> | null {
    const epoll = Epoll.open(BUFFER_BYTES);
    return epoll === null ? null : new DirectInput(epoll, service, reader, turns);
  }

  /** Takes part in harvests from now on. */
  add(connection: Connection<Owner>): void {
    const { fd } = connection;
    if (fd < 0 || this.#epoll.isClosed) return;
    const key = this.#freeKeys.pop() ?? this.#connections.length;
    this.#connections[key] = connection;
    connection.directKey = key;
    connection.directFd = fd;
    if (!this.#epoll.add(fd, key)) this.remove(connection);
  }

  /** The connection's socket is gone; the kernel has forgotten it by itself. */
  remove(connection: Connection<Owner>): void {
    const key = connection.directKey;
    if (key < 0) return;
    connection.directKey = connection.directFd = -1;
    this.#connections[key] = null;
    this.#freeKeys.push(key);
  }

  /** The runtime has delivered some client's input: perhaps there is more, of others. */
  afterEvent(): void {
    if (this.#isDue || ++this.#passed <= this.#patience || this.#epoll.isClosed) return;
    this.#passed = 0;
    if (!this.#harvest()) {
      this.#patience = Math.min(PATIENCE_MAX, 2 * this.#patience + 1);
      return;
    }
    this.#patience = 0;
  }

  close(): void {
    this.#epoll.close();
  }

  /** Rounds until there is nothing, or time is up; false when there was nothing at all. */
  #harvest(): boolean {
    const service = this.#service;
    const isBusy = service.hasQueuedWork || !this.#turns.isEmpty;
    const spentMsMax = isBusy ? HARVEST_BUSY_MS_MAX : HARVEST_MS_MAX;
    const startMs = service.clockMs - this.#spentMs;
    let hasFound = false;
    while (this.#receiveRound()) {
      hasFound = true;
      this.#spentMs = service.clockMs - startMs;
      if (this.#spentMs > spentMsMax) {
        this.#isDue = true;
        setImmediate(this.#turnEnds);
        break;
      }
    }
    return hasFound;
  }

  /** Receives what clients have sent and executes it; false when there was nothing that can be taken here. */
  #receiveRound(): boolean {
    const epoll = this.#epoll;
    const events = epoll.poll();
    let count = 0;
    let at = 0;
    for (let i = 0; i < events && at <= BUFFER_BYTES - RECEIVE_BYTES_MAX; i++) {
      const connection = this.#connections[epoll.key(i)];
      if (connection === null || connection === undefined || !connection.takesDirectInput) continue;
      const received = epoll.receive(connection.directFd, at, RECEIVE_BYTES_MAX);
      if (received <= 0) continue;
      this.#round[count] = connection;
      this.#starts[count] = at;
      at += received;
      this.#ends[count++] = at;
    }
    this.receptions += count;
    for (let i = 0; i < count; ) i = this.#executeGroup(i, count);
    return count > 0;
  }

  /** Parses the requests of clients from number `first` on until the batch is full, prefetches, executes; the next client's number. */
  #executeGroup(first: number, count: number): number {
    const { batch } = this.#reader;
    const { buffer } = this.#epoll;
    const service = this.#service;
    batch.reset(buffer, service.limits.bulkBytesMax);
    let next = first;
    for (let isWhole = true; isWhole && next < count && batch.count < BATCH_MAX; next++) {
      const end = this.#ends[next] as number;
      this.#firsts[next] = batch.count;
      isWhole = batch.add(this.#starts[next] as number, end) === end;
    }
    this.#firsts[next] = batch.count;
    const { generation } = batch;
    service.forget();
    if (batch.keys > 1) service.prefetch(this.#round[first] as Connection<Owner>, batch);
    for (let i = first; i < next; i++) {
      const connection = this.#round[i] as Connection<Owner>;
      // A client whose last requests were odd ones has used the batch for itself.
      const isThere = batch.generation === generation;
      const from = isThere ? (this.#firsts[i] as number) : 0;
      const to = isThere ? (this.#firsts[i + 1] as number) : 0;
      try {
        connection.receiveDirect(this.#epoll, this.#starts[i] as number, this.#ends[i] as number, from, to);
      } catch (error) {
        service.broken(connection, error instanceof Error ? error : new Error(String(error)));
        connection.close(false);
      }
    }
    return next;
  }
}
