/**
 * Replies with scores as they are compared: Redis 7.0 writes doubles with seventeen digits, 7.2 as few as there need be, and two libraries
 * of mathematics may differ in a distance's last bits.
 */
export function scoreShape(reply: string): string {
  const shortened = (text: string) => `${Number(Number(text.replace("inf", "Infinity")).toPrecision(11))}`;
  return reply
    .replace(/\$\d+\r\n(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\r\n/g, (_, text: string) => `$\r\n${shortened(text)}\r\n`)
    .replace(/^,(.*)\r$/gm, (_, text: string) => `,${shortened(text)}\r`);
}
