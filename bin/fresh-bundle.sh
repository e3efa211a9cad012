# Sourced with `root` set. has_fresh_bundle: is there a bundle (tools/bundle) newer than every source and every package?

has_fresh_bundle() {
  [ -f "$root/dist/current/main.js" ] || return 1
  [ -z "$(find "$root/src" "$root/node_modules/.package-lock.json" ! -name '*.test.ts' ! -type d \
    -newer "$root/dist/current/main.js" -print -quit 2>&1)" ]
}
