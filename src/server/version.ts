/** Folio's version, and the Redis whose protocol, commands and configuration it follows. */
export const FOLIO_VERSION = "0.3.0";
export const REDIS_VERSION = "7.2.8";
