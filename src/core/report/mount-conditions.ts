import type { MountObstacle } from '../units/mount-log.ts';
import type { Condition } from './condition.ts';

/** Why a unit does not get its file system, by its own log. */
export const mountConditions = {
  host_key_changed: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the server shows another host key than before, so nothing is sent to it',
    next: 'ask whoever runs the server whether its key was changed; then put the new one into known_hosts',
  },
  host_key_unknown: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the host key of the server is not known, so nothing is sent to it',
    next: 'put it into known_hosts, once it has been compared with what whoever runs the server says',
  },
  login_refused: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the server does not let us in',
    next: 'look at the user, at the key, and at what the server has of it',
  },
  name_unknown: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the name of the server is not known',
    next: 'look at the name in the settings of the unit, and at the DNS of this host',
  },
  mount_point: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the mount point is not fit to be mounted on',
    next: 'put right what is seen',
  },
} as const satisfies Readonly<Record<MountObstacle, Condition>>;
