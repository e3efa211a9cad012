/** Listening sockets, TCP and unix: they make a Connection of each client and pass the socket's events on. */
import { chmodSync, rmSync } from "node:fs";
import type { Socket, TCPSocketListener, UnixSocketListener } from "bun";
import { Connection, type RequestService } from "./connection.ts";
import { DirectInput } from "./direct.ts";
import { RequestReader } from "./request-reader.ts";
import { Turns } from "./turns.ts";

export type Endpoint =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string /** Permission bits; absent: the umask's. */; readonly mode?: number };

export interface ListenerOptions {
  /** Take input past the runtime's loop when many send at once (see direct.ts); absent: where the system can. */
  readonly direct?: boolean;
  /** Seconds of silence before the kernel asks whether the peer is still there; 0: never. */
  readonly keepAliveSeconds: number;
}

export class Listener<Owner> {
  readonly endpoint: Endpoint;
  /** The port really listened on (of a TCP endpoint with port 0), 0 for a unix socket. */
  readonly port: number;
  readonly #listener: TCPSocketListener<Connection<Owner>> | UnixSocketListener<Connection<Owner>>;
  readonly #direct: DirectInput<Owner> | null;

  private constructor(
    endpoint: Endpoint,
    listener: TCPSocketListener<Connection<Owner>> | UnixSocketListener<Connection<Owner>>,
    direct: DirectInput<Owner> | null,
  ) {
    this.endpoint = endpoint;
    this.#listener = listener;
    this.#direct = direct;
    this.port = "port" in listener ? listener.port : 0;
  }

  /** Listens at once. Throws the system's error (code EADDRINUSE, EACCES …) with the endpoint in its message. */
  static open<Owner>(endpoint: Endpoint, service: RequestService<Owner>, options: ListenerOptions): Listener<Owner> {
    const shared = { reader: new RequestReader(), turns: new Turns() };
    const direct = options.direct === false ? null : DirectInput.open(service, shared.reader, shared.turns);
    const socket = handlers(endpoint, service, options, shared, direct);
    try {
      if ("path" in endpoint) {
        rmSync(endpoint.path, { force: true });
        const listener = Bun.listen<Connection<Owner>>({ unix: endpoint.path, socket });
        if (endpoint.mode !== undefined) chmodSync(endpoint.path, endpoint.mode);
        return new Listener(endpoint, listener, direct);
      }
      const { hostname, port } = endpoint;
      // ipv6Only: "::" beside "0.0.0.0" on one port. Bun knows it, its types do not.
      const tcp = { hostname, port, socket, exclusive: true, ipv6Only: hostname.includes(":") };
      return new Listener(endpoint, Bun.listen<Connection<Owner>>(tcp), direct);
    } catch (error) {
      direct?.close();
      const name = "path" in endpoint ? endpoint.path : `${endpoint.hostname}:${endpoint.port}`;
      throw Object.assign(new Error(`cannot listen on ${name}: ${(error as Error).message}`), {
        code: (error as { code?: string }).code,
      });
    }
  }

  /** Times that a client's input was taken past the runtime's loop: see direct.ts. */
  get directReceptions(): number {
    return this.#direct?.receptions ?? 0;
  }

  /** Stops listening; with `closeConnections` also ends the clients'. */
  stop(closeConnections = false): void {
    this.#listener.stop(closeConnections);
    this.#direct?.close();
    if ("path" in this.endpoint) rmSync(this.endpoint.path, { force: true });
  }
}

function handlers<Owner>(
  endpoint: Endpoint,
  service: RequestService<Owner>,
  options: ListenerOptions,
  { reader, turns }: { reader: RequestReader; turns: Turns },
  direct: DirectInput<Owner> | null,
) {
  const isUnix = "path" in endpoint;
  return {
    open(socket: Socket<Connection<Owner>>) {
      const addresses = isUnix
        ? { address: `${endpoint.path}:0`, localAddress: `${endpoint.path}:0`, isUnix }
        : {
            address: addressText(socket.remoteAddress, socket.remotePort),
            localAddress: addressText(socket.localAddress, socket.localPort),
            isUnix,
          };
      const connection = new Connection<Owner>(socket, service, reader, addresses, turns);
      socket.data = connection;
      if (!isUnix) {
        socket.setNoDelay(true);
        if (options.keepAliveSeconds > 0) socket.setKeepAlive(true, options.keepAliveSeconds * 1000);
      }
      service.open(connection);
      direct?.add(connection);
    },
    data(socket: Socket<Connection<Owner>>, data: Uint8Array) {
      socket.data.receive(data);
      direct?.afterEvent();
    },
    drain(socket: Socket<Connection<Owner>>) {
      socket.data.drain();
    },
    close(socket: Socket<Connection<Owner>>) {
      const connection = socket.data;
      if (connection === undefined) return;
      direct?.remove(connection);
      connection.gone();
    },
    error(socket: Socket<Connection<Owner>>, error: Error) {
      // The system's errors have a code; the runtime also brings what the handlers above throw.
      if (!("code" in error)) service.broken(socket.data, error);
      socket.terminate();
    },
  };
}

function addressText(address: string, port: number): string {
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}
