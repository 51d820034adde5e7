import type { ChildProcess } from 'node:child_process';

const abandoned = new Set<ChildProcess>();

/**
 * Lets go of a child that the kernel keeps in an uninterruptible wait: KILL is already sent and takes effect when
 * the storage answers. Our process neither waits for it nor is kept alive by it, and forgets it when it ends.
 */
export function abandon(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.unref();
  abandoned.add(child);
  child.once('exit', () => abandoned.delete(child));
}

/** How many abandoned children of this process still exist. */
export function abandonedChildCount(): number {
  return abandoned.size;
}
