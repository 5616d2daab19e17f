#!/usr/bin/env bash
# Deno.serve decides by the handler's `length` what to pass: a handler that declares no parameter is called with no argument
# at all. `(...args)`, a default value for the first parameter and `arguments` then see nothing, so a wrapper that hands its
# arguments on (`(...args) => inner(...args)`), as middleware is often written, gives the inner handler `undefined`.
# Node's and Bun's servers pass their arguments whatever a function declares.
#
# Seen with deno 2.9.6. Needs Node and npm; installs into a temporary folder and fails when the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6
cat >seen.mts <<'TS'
const count = function (this: unknown) { return new Response(String(arguments.length)); };
const handlers: [string, (...given: never[]) => Response][] = [
  ['(request, info)', ((request: Request, info: unknown) => new Response(String([request, info].length))) as never],
  ['(...args)', (...args: unknown[]) => new Response(String(args.length))],
  ['(request = undefined, ...rest)', (request: unknown = undefined, ...rest: unknown[]) =>
    new Response(String((request === undefined ? 0 : 1) + rest.length))],
  ['function () { arguments }', count],
];
for (const [name, handler] of handlers) {
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, handler as never);
  const answer = await fetch(`http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`);
  console.log(`${name}: ${await answer.text()}`);
  await server.shutdown();
}
TS
seen=$(npx deno run --no-check --allow-net=127.0.0.1 seen.mts)
echo "arguments that a handler of Deno.serve is called with, by how it is declared:"
echo "$seen"
expected=$'(request, info): 2\n(...args): 0\n(request = undefined, ...rest): 0\nfunction () { arguments }: 0'
[ "$seen" = "$expected" ] || { echo 'findings: changed'; exit 1; }
