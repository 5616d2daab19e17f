/** Run it: `npm start`, then open the address it prints. Stop it with Ctrl-C: it says where its log ends. */
import { serve } from '@hono/node-server';
import { createApp } from './app.ts';
import { keepIn } from './keep.ts';

const port = Number(process.env.PORT ?? 8_787);
const folder = process.env.TRACEHOUND_LOG;
const { app, th } = createApp(folder === undefined ? {} : { audit: (await keepIn(folder)).audit });

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, ({ port: open }) => {
  const at = `http://127.0.0.1:${open}`;
  console.log(`Tracehound is guarding ${at} (100 requests a minute per address). Try it:

  curl -i '${at}/search?q=shoes'
  curl -i "${at}/search?q='%20OR%201=1--"
  curl -s '${at}/_tracehound/'
`);
});

server.on('error', (error) => {
  console.error(`Could not listen on 127.0.0.1:${port}: ${error.message}. Another port: PORT=8788 npm start`);
  process.exitCode = 1;
});

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  const ended = new Promise((resolve) => server.close(resolve));
  if ('closeIdleConnections' in server) server.closeIdleConnections();
  // What is still being answered may finish, but nobody holds the door open for ever.
  const patience = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 5_000);
  await ended;
  clearTimeout(patience);
  await th.close();
  const { origin, size, root } = th.audit.head();
  console.log(`\nThe log ${origin} holds ${size} records under root ${root}. Closed.`);
  if (folder !== undefined) console.log(`Check it: npx tracehound verify ${folder}`);
}

process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
