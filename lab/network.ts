/** A cable between two lab machines: a veth pair, each end in the network namespace of one machine. */
import { runOrThrow } from './command.ts';
import type { Machine } from './machine.ts';

export interface Plug {
  readonly machine: Machine;
  /** The interface's name inside, at most 15 characters. */
  readonly interface: string;
  /** With prefix length, e.g. 10.77.0.1/24: in namespaces of their own, so any address is free. */
  readonly address: string;
}

/** Stays until one of the two is closed, over reboots too: the interfaces belong to the keepers. */
export async function connect(left: Plug, right: Plug): Promise<void> {
  const peer = ['peer', 'name', right.interface, 'netns', String(right.machine.keeperPid)];
  await ip(left, 'link', 'add', left.interface, 'type', 'veth', ...peer);
  for (const plug of [left, right]) {
    await ip(plug, 'address', 'add', plug.address, 'dev', plug.interface);
    await ip(plug, 'link', 'set', plug.interface, 'up');
  }
}

async function ip({ machine }: Plug, ...args: readonly string[]): Promise<void> {
  await runOrThrow(['nsenter', '--target', String(machine.keeperPid), '--net', 'ip', ...args]);
}
