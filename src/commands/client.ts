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
  /** Ends the connection: at once, or when what is pending has been sent. */
  close(afterReply: boolean): void;
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
  closing = false;
  lastCommand = "NULL";
  /** Commands run. */
  commands = 0;

  constructor(id: number, connection: ClientConnection, nowMs: number) {
    this.id = id;
    this.connection = connection;
    this.createdAtMs = nowMs;
    this.activeAtMs = nowMs;
  }
}

/** The connected clients, by id in the order they came. */
export class Clients {
  readonly byId = new Map<number, Client>();
  #nextId = 1;
  /** Until when CLIENT PAUSE holds; 0: not paused. */
  pausedUntilMs = 0;
  pauseKind: "all" | "write" = "all";

  get count(): number {
    return this.byId.size;
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
