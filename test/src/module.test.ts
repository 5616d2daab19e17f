/** Guards: the escape hatch for bundlers that carry `core.wasm` themselves. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createTracehound, node } from '../../runtimes/node/index';
import type { CoreInstance, Runtime, Source } from '../../src/types/index';

/** As a platform's own might be: methods on the prototype, and nobody may write to it. */
class Platform implements Runtime {
  readonly name = 'class';
  readonly clockSource = 'fixed';
  readonly coreDigest = 'not this one';
  core(): CoreInstance {
    throw new Error('has no core');
  }
  now(): number {
    return 1_700_000_000_000;
  }
  random(bytes: Uint8Array): void {
    node.random(bytes);
  }
  defer(): void {}
  source(): Source | undefined {
    return undefined;
  }
}

test('a compiled core is used with any runtime, and the log does not claim to know its bytes', () => {
  const module = new WebAssembly.Module(readFileSync(new URL('../../build/core.wasm', import.meta.url)));
  const th = createTracehound({ module, runtime: Object.freeze(new Platform()) });
  const threat = { category: 'sqli', severity: 'high' } as const;
  expect(th.intercept({ source: '192.0.2.1', payload: 'x', threat }).status).toBe('quarantined');
  const [detail] = th.audit.export().details;
  expect(JSON.parse(new TextDecoder().decode(detail as Uint8Array))).toMatchObject({
    core: 'unknown',
    runtime: 'class',
  });
});
