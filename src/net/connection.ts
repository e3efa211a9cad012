/**
 * One client's connection: bytes in, requests out to the service, replies back, with back-pressure both ways.
 *
 *   data event ── parsed in place ──► service.execute ──► shared Reply ── one write per batch ──► socket
 *        │ what is left over                                   │ what the socket does not take
 *        ▼                                                     ▼
 *   query  bytes[start, end), own buffer, none when idle    pending chunks, sent on drain
 *
 * While output is pending beyond OUTPUT_SOFT_BYTES, or a sliced command runs, no further request is executed; when much
 * input has gathered meanwhile, the socket is not read. A long pipeline is executed in turns with the other clients.
 */
import type { Socket } from "bun";
import { forgetAddress } from "../util/native.ts";
import type { Args } from "./args.ts";
import type { Epoll } from "./epoll.ts";
import type { Reply } from "./reply.ts";
import type { RequestBatch } from "./request-batch.ts";
import { Parsed, type RequestParser } from "./request-parser.ts";
import type { RequestReader } from "./request-reader.ts";
import { Turns } from "./turns.ts";

/** What a connection takes that holds neither input nor output, about. */
const CONNECTION_BYTES = 512;
/** A client with more pending output than this gets no further request executed until it has read. */
export const OUTPUT_SOFT_BYTES = 1024 * 1024;
/** Replies of a batch beyond this are handed to the socket before the batch ends. */
const BATCH_BYTES_MAX = 256 * 1024;
/** How long requests of one client are executed before others have their turn. */
const BATCH_MS_MAX = 0.5;
/** A waiting connection that has gathered this much input is not read any more. */
const INPUT_WAITING_BYTES_MAX = 1024 * 1024;
/** So is one whose pipeline goes on in the next turn, with this much left of it. */
const INPUT_QUEUED_BYTES_MAX = 64 * 1024;
/** A query buffer grows by at most this beyond what is needed. */
const QUERY_GROWTH_BYTES_MAX = 64 * 1024 * 1024;
/** In a larger buffer lies a large request; prefetching would keep the buffer alive until the next time. */
const PREFETCH_BUFFER_BYTES_MAX = 4 * 1024 * 1024;

/** What the server makes of requests. `Owner`: what it keeps per connection. */
export interface RequestService<Owner> {
  /** The shared writer that `execute` writes into. */
  readonly reply: Reply;
  readonly limits: Limits;
  readonly traffic: Traffic;
  /** When the last request ended, or begin() was called (util/native's clock). */
  readonly clockMs: number;
  /** Work other than requests waits for its turn of the event loop. */
  readonly hasQueuedWork: boolean;
  open(connection: Connection<Owner>): void;
  /** Called before a batch of requests. */
  begin(connection: Connection<Owner>): void;
  /** These requests come next, of this and other clients, if nothing goes wrong. Their bytes stay as they are until forget(). */
  prefetch(connection: Connection<Owner>, batch: RequestBatch): void;
  /** What was prefetched is void: other bytes may lie there from now on. */
  forget(): void;
  /** Runs a request; false: no further one may follow now (the command is parked: `connection.proceed` goes on). */
  execute(connection: Connection<Owner>, args: Args): boolean;
  /** Called after a batch, whether or not all of its requests were executed; the arguments of the last one are there still. */
  end(): void;
  /** All pending output has been sent. */
  drained(connection: Connection<Owner>): void;
  protocolError(connection: Connection<Owner>, error: string): void;
  queryLimitReached(connection: Connection<Owner>): void;
  outputLimitReached(connection: Connection<Owner>): void;
  /** It holds more memory than before; only while there is a limit (clientBytesMax). The service may close it, and others. */
  grew(connection: Connection<Owner>): void;
  close(connection: Connection<Owner>): void;
  /** A mistake in this program broke a batch off: its replies are void, the connection is being ended. */
  broken(connection: Connection<Owner>, error: Error): void;
}

/** Limits in bytes; 0: none. The service may change them at any time. */
export interface Limits {
  queryBytesMax: number;
  bulkBytesMax: number;
  outputHardBytes: number;
  outputSoftBytes: number;
  outputSoftSeconds: number;
  /** Of all connections together. */
  clientBytesMax: number;
}

export interface Traffic {
  netInputBytes: number;
  netOutputBytes: number;
  readsProcessed: number;
  writesProcessed: number;
}

interface Chunk {
  readonly bytes: Uint8Array;
  start: number;
  readonly end: number;
  /** The bytes are this connection's own, not a mapping's. */
  readonly owned: boolean;
}

export class Connection<Owner> {
  readonly service: RequestService<Owner>;
  owner!: Owner;
  readonly address: string;
  readonly localAddress: string;
  readonly isUnix: boolean;
  /** The client must authenticate first: tight limits on its requests. */
  restricted = false;
  /** No further requests; closed when what is pending has been sent. */
  closing = false;
  closed = false;
  /** A sliced command runs, or the service holds the client back. */
  waiting = false;
  /** When pending output passed the soft limit; 0: it has not. */
  overSoftSinceMs = 0;
  pendingBytes = 0;
  /** For DirectInput: its number for this connection, and the socket's descriptor; -1: takes no part. */
  directKey = -1;
  directFd = -1;

  readonly #socket: Socket<Connection<Owner>>;
  readonly #reader: RequestReader;
  readonly #turns: Turns;
  /** The parser of a request that is not complete yet. */
  #parser: RequestParser | null = null;
  #query: Uint8Array | null = null;
  #queryStart = 0;
  #queryEnd = 0;
  #pending: Chunk[] = [];
  /** Of these, those that are this connection's own: the arrays' bytes. */
  #ownedBytes = 0;
  #paused = false;
  #running = false;
  /** Received requests wait for the next turn. */
  #queued = false;
  /** While directly received input is executed: what takes the replies. */
  #direct: Epoll | null = null;

  constructor(
    socket: Socket<Connection<Owner>>,
    service: RequestService<Owner>,
    reader: RequestReader,
    addresses: { address: string; localAddress: string; isUnix: boolean },
    turns = new Turns(),
  ) {
    this.#socket = socket;
    this.service = service;
    this.#reader = reader;
    this.#turns = turns;
    this.address = addresses.address;
    this.localAddress = addresses.localAddress;
    this.isUnix = addresses.isUnix;
  }

  get fd(): number {
    return this.closed ? -1 : ((this.#socket as { fd?: number }).fd ?? -1);
  }

  /** Bytes received and not executed yet. */
  get queryBytes(): number {
    return this.#queryEnd - this.#queryStart;
  }

  get queryFreeBytes(): number {
    return this.#query === null ? 0 : this.#query.length - this.#queryEnd;
  }

  get pendingChunks(): number {
    return this.#pending.length;
  }

  /** Bytes that this connection holds in memory of its own (output by reference is not). */
  get memoryBytes(): number {
    return (this.#query?.length ?? 0) + this.#ownedBytes + CONNECTION_BYTES;
  }

  /** Whether output that waits lies in one of these arrays (of a mapping that is to be closed). */
  refersTo(windows: readonly Uint8Array[]): boolean {
    return this.#pending.some(({ bytes, owned }) => !owned && windows.includes(bytes));
  }

  /** Copies output that waits in one of these arrays: they may go. */
  detach(windows: readonly Uint8Array[]): void {
    const pending = this.#pending;
    for (let i = 0; i < pending.length; i++) {
      const { bytes, start, end, owned } = pending[i] as Chunk;
      if (owned || !windows.includes(bytes)) continue;
      pending[i] = { bytes: bytes.slice(start, end), start: 0, end: end - start, owned: true };
      this.#ownedBytes += end - start;
    }
  }

  /** The socket has delivered `data`; the array is ours. */
  receive(data: Uint8Array): void {
    if (this.closing || this.closed) return;
    const { traffic } = this.service;
    traffic.netInputBytes += data.length;
    traffic.readsProcessed++;
    if (this.#query === null) {
      if (!this.#held) {
        this.#run(data, 0, data.length, true);
        return;
      }
      this.#query = data;
      this.#queryStart = 0;
      this.#queryEnd = data.length;
    } else if (!this.#append(data)) {
      this.service.queryLimitReached(this);
      return;
    }
    if (!this.#held) this.#run(this.#query, this.#queryStart, this.#queryEnd, false);
    else {
      if (this.queryBytes > INPUT_WAITING_BYTES_MAX) this.#pauseReading();
      this.#noteGrowth();
    }
  }

  /** Input may be taken from the socket, and would be executed at once. */
  get takesDirectInput(): boolean {
    return !this.closing && !this.#paused && !this.#held && !this.restricted;
  }

  /**
   * As `receive`, of bytes [start, end) of the buffer of `epoll`, which are read again when this returns. The reader's batch holds
   * their first requests already: numbers `first` to before `last`.
   */
  receiveDirect(epoll: Epoll, start: number, end: number, first: number, last: number): void {
    if (this.#query !== null) {
      this.receive(epoll.buffer.slice(start, end));
      return;
    }
    if (this.closing) return;
    const { traffic } = this.service;
    traffic.netInputBytes += end - start;
    traffic.readsProcessed++;
    this.#direct = epoll;
    this.#run(epoll.buffer, start, end, true, first, last);
    this.#direct = null;
  }

  /** Goes on with what has been received: after a parked command has ended, or output has drained. */
  proceed(): void {
    this.waiting = false;
    if (this.#running) return;
    if (this.#held || this.closing || this.closed) return;
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    if (this.#query === null) return;
    try {
      this.#run(this.#query, this.#queryStart, this.#queryEnd, false);
    } catch (error) {
      // A timer or another client's request has brought us here: nobody else would end this client, and only this one.
      this.service.broken(this, error instanceof Error ? error : new Error(String(error)));
      this.close(false);
    }
  }

  /** For Turns: goes on with a pipeline that others were let in before. */
  takeTurn(): void {
    this.#queued = false;
    if (!this.waiting) this.proceed();
  }

  /** Hands what `reply` holds to the socket, keeps what the socket does not take, and empties `reply`. */
  flush(reply: Reply): void {
    const { length, references } = reply;
    if (length + references.length === 0) return;
    if (this.closed) {
      reply.clear();
      return;
    }
    this.service.traffic.writesProcessed++;
    let from = 0;
    for (const reference of references) {
      this.#send(reply.buffer, from, reference.at, false);
      this.#send(reference.bytes, reference.start, reference.start + reference.length, true);
      from = reference.at;
    }
    this.#send(reply.buffer, from, length, false);
    reply.clear();
    if (this.pendingBytes === 0) return;
    this.checkOutputLimits(Date.now());
    this.#noteGrowth();
  }

  /** As `flush`, of what was written before `mark`; the rest stays in `reply`. */
  flushBefore(reply: Reply, mark: number): void {
    if (mark === 0) return;
    const { length, references } = reply;
    const rest = reply.buffer.slice(mark, length);
    reply.length = mark;
    reply.references = references.filter((reference) => reference.at <= mark);
    const kept = references.filter((reference) => reference.at > mark);
    this.flush(reply);
    reply.restore(rest, kept, mark);
  }

  /** Ends the connection: at once, or when what is pending (and in the reply of the batch that runs) has been sent. */
  close(afterReply: boolean): void {
    if (this.closed) return;
    this.closing = true;
    if (!afterReply) this.#terminate();
    else if (!this.#running && this.pendingBytes === 0) this.#end();
  }

  /** The socket takes output again. */
  drain(): void {
    const pending = this.#pending;
    let sent = 0;
    for (; sent < pending.length; sent++) {
      const chunk = pending[sent] as Chunk;
      const written = this.#write(chunk.bytes, chunk.start, chunk.end);
      chunk.start += written;
      this.pendingBytes -= written;
      if (chunk.start < chunk.end) break;
    }
    for (let i = 0; i < sent; i++) {
      const { bytes, owned } = pending[i] as Chunk;
      if (owned) this.#ownedBytes -= bytes.length;
    }
    if (sent > 0) pending.splice(0, sent);
    if (this.closed) return;
    if (this.pendingBytes <= this.service.limits.outputSoftBytes) this.overSoftSinceMs = 0;
    if (this.pendingBytes > 0) return;
    if (this.closing) {
      this.#end();
      return;
    }
    this.service.drained(this);
    if (!this.waiting) this.proceed();
  }

  /** The socket is gone. Called once. */
  gone(): void {
    this.closed = true;
    this.closing = true;
    this.#pending = [];
    this.pendingBytes = this.#ownedBytes = 0;
    this.#query = null;
    this.#queryStart = this.#queryEnd = 0;
    if (this.#parser !== null) this.#reader.give(this.#parser);
    this.#parser = null;
    this.service.close(this);
  }

  /** Ends the connection when more output is pending than client-output-buffer-limit allows. */
  checkOutputLimits(nowMs: number): void {
    const { outputHardBytes, outputSoftBytes, outputSoftSeconds } = this.service.limits;
    let reached = outputHardBytes > 0 && this.pendingBytes > outputHardBytes;
    if (outputSoftBytes > 0 && this.pendingBytes > outputSoftBytes) {
      if (this.overSoftSinceMs === 0) this.overSoftSinceMs = nowMs;
      reached ||= nowMs - this.overSoftSinceMs > outputSoftSeconds * 1000;
    }
    if (reached && !this.closed) {
      this.service.outputLimitReached(this);
      this.close(false);
    }
  }

  get #held(): boolean {
    return this.waiting || this.#queued || this.pendingBytes > OUTPUT_SOFT_BYTES;
  }

  /**
   * Executes the requests in bytes[start, end). `fresh`: the bytes are a data event's, not the query buffer's. The reader's batch
   * holds the first ones already: numbers `first` to before `last`.
   */
  #run(bytes: Uint8Array, start: number, end: number, fresh: boolean, first = 0, last = 0): void {
    const { service } = this;
    const reader = this.#reader;
    reader.begin(bytes, start, end, service.limits.bulkBytesMax, this.#parser);
    if (first < last) reader.useBatch(first, last);
    else service.forget();
    this.#parser = null;
    this.#running = true;
    service.begin(this);
    const turnEndsMs = service.clockMs + BATCH_MS_MAX;
    let parsed: Parsed;
    for (;;) {
      parsed = reader.next(this.restricted);
      if (parsed !== Parsed.REQUEST) break;
      if (reader.isNewBatch) {
        reader.isNewBatch = false;
        if (bytes.length <= PREFETCH_BUFFER_BYTES_MAX) service.prefetch(this, reader.batch);
      }
      if (!service.execute(this, reader.args) || this.closing) break;
      if (service.reply.length > BATCH_BYTES_MAX || service.reply.references.length > 0) {
        this.flush(service.reply);
        if (this.#held || this.closing) break;
      }
      if (service.clockMs > turnEndsMs && reader.pos < end) {
        this.#queued = true;
        break;
      }
    }
    service.end();
    if (parsed === Parsed.ERROR) {
      service.protocolError(this, reader.error);
      this.closing = true;
    }
    this.flush(service.reply);
    this.#running = false;
    const rest = reader.end();
    if (bytes.length > PREFETCH_BUFFER_BYTES_MAX) forgetAddress(bytes);
    if (rest < end) this.#keep(bytes, rest, end, fresh);
    else this.#forgetQuery();
    if (this.#queued) {
      // Further input would only be gathered, in ever larger buffers.
      if (this.queryBytes > INPUT_QUEUED_BYTES_MAX) this.#pauseReading();
      this.#turns.add(this);
    }
    if (this.closing && !this.closed && this.pendingBytes === 0) this.#end();
    else if (rest < end) this.#noteGrowth();
  }

  #noteGrowth(): void {
    if (this.service.limits.clientBytesMax > 0 && !this.closing) this.service.grew(this);
  }

  #forgetQuery(): void {
    this.#query = null;
    this.#queryStart = this.#queryEnd = 0;
  }

  /** Keeps what was not executed. */
  #keep(bytes: Uint8Array, start: number, end: number, fresh: boolean): void {
    const parser = this.#reader.takeUnfinished();
    if (this.closing) {
      if (parser !== null) this.#reader.give(parser);
      this.#forgetQuery();
      return;
    }
    this.#query = bytes;
    this.#queryStart = start;
    this.#queryEnd = end;
    this.#parser = parser;
    const left = end - start;
    if (fresh && (this.#direct !== null || (!this.#queued && left < bytes.length / 2))) this.#moveQuery(left * 2);
  }

  /** Adds `data` to the query buffer; false when the limit is passed. */
  #append(data: Uint8Array): boolean {
    const needed = this.queryBytes + data.length;
    const { queryBytesMax } = this.service.limits;
    if (queryBytesMax > 0 && needed > queryBytesMax) return false;
    const query = this.#query as Uint8Array;
    if (this.#queryEnd + data.length > query.length) {
      if (needed <= query.length && this.#queryStart >= query.length / 2) {
        query.copyWithin(0, this.#queryStart, this.#queryEnd);
        this.#rebase();
      } else {
        this.#moveQuery(needed + Math.min(needed, QUERY_GROWTH_BYTES_MAX));
      }
    }
    (this.#query as Uint8Array).set(data, this.#queryEnd);
    this.#queryEnd += data.length;
    return true;
  }

  /** Moves the query bytes into a new buffer. */
  #moveQuery(capacity: number): void {
    const moved = new Uint8Array(capacity);
    moved.set((this.#query as Uint8Array).subarray(this.#queryStart, this.#queryEnd));
    this.#query = moved;
    this.#rebase();
  }

  #rebase(): void {
    this.#parser?.rebase(-this.#queryStart);
    this.#queryEnd -= this.#queryStart;
    this.#queryStart = 0;
  }

  #pauseReading(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #send(bytes: Uint8Array, start: number, end: number, pinned: boolean): void {
    if (start === end || this.closed) return;
    const written = this.pendingBytes > 0 ? 0 : this.#write(bytes, start, end);
    if (written === end - start || this.closed) return;
    const rest = start + written;
    this.#pending.push(
      pinned
        ? { bytes, start: rest, end, owned: false }
        : { bytes: bytes.slice(rest, end), start: 0, end: end - rest, owned: true },
    );
    this.pendingBytes += end - rest;
    if (!pinned) this.#ownedBytes += end - rest;
  }

  /** Bytes that the socket has taken. */
  #write(bytes: Uint8Array, start: number, end: number): number {
    let sent = 0;
    if (this.#direct !== null && this.directFd >= 0 && start === 0) {
      sent = Math.max(0, this.#direct.send(this.directFd, bytes, end));
      this.service.traffic.netOutputBytes += sent;
      if (sent === end) return sent;
    }
    // The runtime watches for room when it is its call that finds the socket full.
    const written = this.#socket.write(bytes, start + sent, end - start - sent);
    if (written <= 0) {
      if (written < 0) this.#terminate();
      return sent;
    }
    this.service.traffic.netOutputBytes += written;
    return sent + written;
  }

  // From the moment a socket is ended its descriptor may be another client's.

  #terminate(): void {
    this.directFd = -1;
    this.#socket.terminate();
  }

  #end(): void {
    this.directFd = -1;
    this.#socket.end();
  }
}
