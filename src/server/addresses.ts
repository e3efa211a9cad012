/**
 * Where to listen: the `bind`, `port`, `unixsocket` directives as endpoints.
 *
 *   bind 127.0.0.1 -::1     a leading "-": no error when the address is not there
 *   bind * -::*             every IPv4 address; every IPv6 address, if there is IPv6 (the default)
 */
import type { Config } from "./config/config.ts";

export interface Address {
  readonly hostname: string;
  readonly port: number;
  /** No error when this address does not exist on the machine. */
  readonly optional: boolean;
}

export function tcpAddresses(config: Config): Address[] {
  const port = config.number("port");
  if (port === 0) return [];
  return config
    .get("bind")
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const optional = word.startsWith("-");
      const host = optional ? word.slice(1) : word;
      const hostname = host === "*" ? "0.0.0.0" : host === "::*" ? "::" : host;
      return { hostname, port, optional };
    });
}

/** Errors that an optional address may meet. */
export const ADDRESS_MISSING: ReadonlySet<string> = new Set([
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "ENOPROTOOPT",
  "EPROTONOSUPPORT",
  "ESOCKTNOSUPPORT",
  "EPFNOSUPPORT",
]);
