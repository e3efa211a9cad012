/** What replies about streams say otherwise in redis-server 7.0 than in 7.2, or at another moment, taken out. */

const NOW_DIGITS = 13;

/** Fields that 7.2 has and 7.0 has not, taken out of a raw RESP2 or RESP3 reply, and the sizes set right. */
export function as70(reply: string): string {
  return reply
    .replace(/\$11\r\nactive-time\r\n:-?\d+\r\n/g, "")
    .replace(/\$8\r\ninactive\r\n:-?\d+\r\n/g, "")
    .replace(/\*10\r\n(?=\$4\r\nname\r\n\$\d+\r\n[^\r]*\r\n\$9\r\nseen-time)/g, "*8\r\n")
    .replace(/%5\r\n(?=\$4\r\nname\r\n\$\d+\r\n[^\r]*\r\n\$9\r\nseen-time)/g, "%4\r\n")
    .replace(/\*8\r\n(?=\$4\r\nname\r\n\$\d+\r\n[^\r]*\r\n\$7\r\npending)/g, "*6\r\n")
    .replace(/%4\r\n(?=\$4\r\nname\r\n\$\d+\r\n[^\r]*\r\n\$7\r\npending)/g, "%3\r\n");
}

/** Times of now, idle times, and the nodes that Redis's radix tree keeps of what was deleted, taken out as well. */
export function timeless(reply: string): string {
  return as70(reply)
    .replace(new RegExp(`:\\d{${NOW_DIGITS}}\r\n`, "g"), ":now\r\n")
    .replace(/\$4\r\nidle\r\n:\d+\r\n/g, "")
    .replace(/\$16\r\nradix-tree-nodes\r\n:\d+\r\n/g, "")
    .replace(/(\*4\r\n\$\d+\r\n\d+-\d+\r\n\$\d+\r\n[^\r]*\r\n):\d+\r\n/g, "$1:idle\r\n");
}
