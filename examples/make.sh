#!/usr/bin/env bash
# Makes examples/dump.rdb with a real redis-server (7.0): every type and encoding, several databases, keys that
# expire in the year 2100, a stream with consumer groups, a function library. Needs redis-server and redis-cli.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
redis-server --port 0 --unixsocket "$work/socket" --dir "$work" --save "" --daemonize no >"$work/log" &
server=$!
cli() { redis-cli -s "$work/socket" "$@"; }
until cli ping >/dev/null 2>&1; do sleep 0.05; done
words() { for i in $(seq 1 "$1"); do printf "$2 " "$i"; done; }
far=4102444800 # 2100-01-01

{
  # Strings: int8, int16, int32 and beyond, short, long, compressed (LZF), with bytes of every kind.
  echo 'SET greeting "Hello from a mapped file"'
  echo 'SET number:small 42'
  echo 'SET number:medium -12345'
  echo 'SET number:large 1234567890'
  echo 'SET number:huge 9223372036854775807'
  echo 'SET empty ""'
  echo 'SET binary "\x00\x01\xfe\xff\r\n\x80"'
  echo "SET text:raw \"$(head -c 64 <<<"No two words of this line repeat, therefore nothing compresses, 0123456789.")\""
  echo "SET text:lzf \"$(words 400 'page%d of the folio,')\""
  echo 'SETBIT bitmap 1000 1'
  echo "SET session:1 alive EXAT $far"
  echo 'PFADD visitors alice bob carol'

  # Lists: one listpack, several compressed and plain nodes.
  echo 'RPUSH list:small one two 3 -4 5000000000'
  echo "RPUSH list:large $(words 3000 'item:%d')"
  # Sets: integers, listpack-sized, hash table.
  echo 'SADD set:integers 1 2 3 -70000 5000000000'
  echo 'SADD set:small red green blue'
  echo "SADD set:large $(words 600 'member:%d')"
  echo "SADD set:integers:large $(words 600 '%d')"
  # Sorted sets: listpack, skiplist, infinities, places on the map.
  echo 'ZADD zset:small 1 one 2.5 two-and-a-half -inf lowest +inf highest'
  echo "ZADD zset:large $(words 300 '%d player:%d')" | awk '{out=$1" "$2; n=0; for(i=3;i<=NF;i+=2){n++; out=out" "n*1.5" player:"n}; print out}'
  echo 'GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania'
  # Hashes: listpack, hash table.
  echo 'HSET hash:small name Folio kind server answer 42'
  echo "HSET hash:large $(words 600 'field:%d value')"
  echo "EXPIREAT hash:small $far"
  # A stream with two groups, consumers and pending entries.
  for i in $(seq 1 250); do echo "XADD stream $((1700000000000 + i))-0 sensor s$((i % 3)) value $i"; done
  echo 'XDEL stream 1700000000007-0'
  echo 'XGROUP CREATE stream readers 0'
  echo 'XGROUP CREATE stream idle $'
  echo 'XREADGROUP GROUP readers ann COUNT 5 STREAMS stream >'
  echo 'XREADGROUP GROUP readers ben COUNT 3 STREAMS stream >'
  echo 'XACK stream readers 1700000000001-0'
  echo 'XADD stream:empty 5-1 a b'
  echo 'XDEL stream:empty 5-1'
  # More databases.
  echo 'SELECT 1'
  echo 'SET where "database one"'
  echo 'SELECT 9'
  echo 'SET where "database nine"'
  echo 'HSET profile name Nine level 9'
} | cli >"$work/replies"
# Lists kept under other thresholds: compressed inner nodes, and plain nodes (an element beyond the node size).
cli config set list-compress-depth 1 >/dev/null
cli rpush list:compressed $(words 3000 'compressible-item:%d') >/dev/null
cli rpush list:plain short "$(head -c 20000 /dev/zero | tr '\0' x)" >/dev/null
printf '#!lua name=examples\nredis.register_function("hello", function() return "hello" end)' | cli -x function load >/dev/null
if grep -iE '^(ERR|WRONGTYPE)' "$work/replies"; then exit 1; fi
cli config set save "" >/dev/null
cli save >/dev/null
cp "$work/dump.rdb" dump.rdb
echo "examples/dump.rdb: $(stat -c %s dump.rdb) bytes, $(cli dbsize) keys in database 0"
