/**
 * Lambda on this machine: AWS's own runtime interface client runs the bundle and asks a stand-in of the Runtime API for
 * events, as it asks in the cloud.
 *
 * Relies on: `aws-lambda-ric`, and the Runtime API as AWS documents it (2018-06-01). Refuses: to answer for the function.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const API = '/2018-06-01/runtime';
const WAIT_MS = 30_000;

/** Starts `<folder>/app.cjs` on `node`, hands it `events` one by one in one container, and returns its answers. */
export async function invoked(node: string, folder: string, events: readonly unknown[]): Promise<unknown[]> {
  const client = join(import.meta.dirname, 'node_modules', 'aws-lambda-ric', 'index.mjs');
  if (!existsSync(client))
    throw new Error(`aws-lambda-ric: not installed, expected ${client}, run \`npm run test:wide\``);
  const answers: unknown[] = [];
  let end: (error?: Error) => void = () => {};
  const done = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  const next = (response: ServerResponse): void => {
    const id = answers.length;
    // No event left: Lambda, too, lets a container wait.
    if (id === events.length) {
      end();
      return;
    }
    response.setHeader('Lambda-Runtime-Aws-Request-Id', `request-${id}`);
    response.setHeader('Lambda-Runtime-Deadline-Ms', String(Date.now() + WAIT_MS));
    response.setHeader('Lambda-Runtime-Invoked-Function-Arn', 'arn:aws:lambda:us-east-1:000000000000:function:guard:1');
    // The real one always says it, and the client ends at once without it.
    response.setHeader('Lambda-Runtime-Trace-Id', 'Root=1-00000000-000000000000000000000000;Sampled=0');
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(events[id]));
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    if (request.url === `${API}/invocation/next`) {
      next(response);
      return;
    }
    if (request.url?.endsWith('/response')) answers.push(JSON.parse(body));
    else end(new Error(`aws-lambda-ric: the function failed: ${body}`));
    response.writeHead(202).end('{"status":"OK"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const child = spawn(node, [client], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      _HANDLER: 'app.handler',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      LAMBDA_TASK_ROOT: folder,
      ...{
        AWS_LAMBDA_FUNCTION_NAME: 'guard',
        AWS_LAMBDA_FUNCTION_VERSION: '1',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      },
      ...{ AWS_LAMBDA_LOG_GROUP_NAME: 'guard', AWS_LAMBDA_LOG_STREAM_NAME: 'guard', AWS_REGION: 'us-east-1' },
    },
  });
  child.once('exit', (code) => end(new Error(`aws-lambda-ric: ended with ${code}, expected it to wait`)));
  const patience = setTimeout(() => end(new Error(`aws-lambda-ric: no answer within ${WAIT_MS} ms`)), WAIT_MS);
  try {
    await done;
    return answers;
  } finally {
    clearTimeout(patience);
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
  }
}
