/** What a mount unit's own log says of why it does not get its file system: the states of a path tell only that it does not. */
export type MountObstacle =
  /** The server shows another host key than the one in known_hosts. */
  | 'host_key_changed'
  /** There is none in known_hosts. */
  | 'host_key_unknown'
  /** The server does not let us in. */
  | 'login_refused'
  | 'name_unknown'
  /** The unit refuses the place, in its own words. */
  | 'mount_point';

export interface MountRefusal {
  readonly obstacle: MountObstacle;
  /** The line that says it. */
  readonly line: string;
}

/** Of ssh(1), sshfs(1) and our units; the first that fits a line decides. `away`: the server is not there, which may end by itself. */
const patterns: readonly (readonly [RegExp, MountObstacle | 'away' | 'well'])[] = [
  [/^Host key for .* has changed/, 'host_key_changed'],
  [/REMOTE HOST IDENTIFICATION HAS CHANGED/, 'host_key_changed'],
  [/^No .* host key is known for/, 'host_key_unknown'],
  [/: Permission denied \(|^Permission denied, please|Too many authentication failures/, 'login_refused'],
  [/^ssh: Could not resolve hostname/, 'name_unknown'],
  [/ is mounted already, as | is a symbolic link|bad mount point|mountpoint is not empty/, 'mount_point'],
  [/^ssh: connect to host |^kex_exchange_identification: |^Timeout, server /, 'away'],
  [/^Started /, 'well'],
];

/** @param lines of one unit, the newest last; those of a while ago are of no use */
export function whyRefused(lines: readonly string[]): MountRefusal | null {
  for (const line of lines.toReversed()) {
    const found = patterns.find(([pattern]) => pattern.test(line));
    if (found === undefined) continue;
    const [, obstacle] = found;
    return obstacle === 'away' || obstacle === 'well' ? null : { obstacle, line: line.trim() };
  }
  return null;
}
