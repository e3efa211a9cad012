/** A client as commands see it: who it is, what it has selected, how it wants its replies. */

/** What a client needs of its connection (src/net): implemented there, so that commands know no sockets. */
export interface ClientConnection {
  /** "127.0.0.1:50000", "[::1]:50000", or "/path/of/socket:0". */
  readonly address: string;
  readonly localAddress: string;
  readonly isUnix: boolean;
  readonly fd: number;
  readonly queryBytes: number;
  readonly queryFreeBytes: number;
  /** Output that the socket has not taken yet. */
  readonly pendingBytes: number;
  readonly pendingChunks: number;
  /** Bytes held for this connection. */
  readonly memoryBytes: number;
  /** The client must authenticate first: tight limits on its requests. */
  restricted: boolean;
  /** Whether pending output lies in one of these arrays (the windows of a mapping). */
  refersTo(windows: readonly Uint8Array[]): boolean;
  /** Copies pending output that lies in one of these arrays. */
  detach(windows: readonly Uint8Array[]): void;
  /** Ends the connection: at once, or when what is pending has been sent. */
  close(afterReply: boolean): void;
}

/** Does the connection come from this machine? */
export function isLocal({ isUnix, address }: Pick<ClientConnection, "isUnix" | "address">): boolean {
  return isUnix || address.startsWith("127.") || address.startsWith("[::1]:");
}

export type ReplyMode = "on" | "off" | "skip-next" | "skip";

export class Client {
  readonly id: number;
  readonly connection: ClientConnection;
  readonly createdAtMs: number;
  /** When it last sent a request. */
  activeAtMs: number;
  name = "";
  libraryName = "";
  libraryVersion = "";
  protocol: 2 | 3 = 2;
  /** Selected database. */
  dbid = 0;
  authenticated = false;
  user = "default";
  replyMode: ReplyMode = "on";
  noEvict = false;
  noTouch = false;
  /** Runs a sliced command, or waits for CLIENT PAUSE to end: its further requests wait. */
  parked = false;
  /** Of these, the latter. */
  postponed = false;
  /** Until when its sliced command need not be run (XREAD BLOCK); set by the command. Infinity: for ever. 0: it does not wait. */
  wakeAtMs = 0;
  /** Has a waiting command run again; set by slices.ts while it waits. */
  wake: (() => void) | null = null;
  /** CLIENT UNBLOCK has ended the wait: the command then answers as after its time, or an error. */
  unblocked: "" | "timeout" | "error" = "";
  /** Of its memory, what counts for maxmemory-clients, when it was last looked at. */
  countedBytes = 0;
  /** It is being disconnected, for it held too much. */
  isEvicted = false;
  lastCommand = "NULL";
  /** Commands run. */
  commands = 0;

  constructor(id: number, connection: ClientConnection, nowMs: number) {
    this.id = id;
    this.connection = connection;
    this.createdAtMs = nowMs;
    this.activeAtMs = nowMs;
  }

  /** RESET: as new, but for id, connection and authentication. */
  reset(): void {
    this.name = "";
    this.protocol = 2;
    this.dbid = 0;
    this.user = "default";
    this.replyMode = "on";
    this.noEvict = false;
    this.noTouch = false;
  }
}

/** The connected clients, by id in the order they came. */
export class Clients {
  readonly byId = new Map<number, Client>();
  #nextId = 1;
  /** Until when CLIENT PAUSE holds; 0: not paused. */
  pausedUntilMs = 0;
  pauseKind: "all" | "write" = "all";

  /** Called when a pause ends. */
  onUnpause: () => void = () => {};

  get count(): number {
    return this.byId.size;
  }

  /** CLIENT PAUSE: a longer pause, and "all" over "write", win over what is there. */
  pause(untilMs: number, kind: "all" | "write"): void {
    const isPaused = this.pausedUntilMs > 0;
    this.pauseKind = isPaused && this.pauseKind === "all" ? "all" : kind;
    this.pausedUntilMs = Math.max(this.pausedUntilMs, untilMs);
  }

  unpause(): void {
    this.pausedUntilMs = 0;
    this.onUnpause();
  }

  add(connection: ClientConnection, nowMs: number): Client {
    const client = new Client(this.#nextId++, connection, nowMs);
    this.byId.set(client.id, client);
    return client;
  }

  remove(client: Client): void {
    this.byId.delete(client.id);
  }
}
