/**
 * One request's path: limit → sign → admit → record. The only file that orders the four.
 */
import { arenaStart, seal } from './arena';

export function init(): void {
  arenaStart();
  seal();
}
