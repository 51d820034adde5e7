/** The automations that are switched on by a file each, by their names. */
export const automations = {
  'storage-hotpath-auto-recover': {
    shortName: 'recovery',
    sentinel: 'storage-hotpath-auto-recover-enabled',
    units: [
      'healtharchive-storage-hotpath-auto-recover.timer',
      'healtharchive-storage-hotpath-auto-recover.path',
    ],
    does: 'mends dead and missing mounts by itself, within its limits: whenever the base or a crawl ends for its storage, and every 30 s',
  },
  'worker-auto-start': {
    shortName: 'auto-start',
    sentinel: 'worker-auto-start-enabled',
    units: ['healtharchive-worker-auto-start.timer'],
    does: 'starts the worker by itself, within its limits, when it is down although jobs wait and their storage is there: looked at every 2 minutes',
  },
} as const;

export type AutomationName = keyof typeof automations;

/** The unit of one run of it. */
export function automationUnit(name: AutomationName): string {
  return `healtharchive-${name}.service`;
}

/** By its name, a shorter one, or that of its units; null for another word. */
export function automationNamed(word: string): AutomationName | null {
  const bare = word
    .replace(/^healtharchive-/, '')
    .replace(/\.(service|timer|path)$/, '')
    .replace(/-enabled$/, '');
  const found = Object.entries(automations).find(
    ([name, { shortName }]) => bare === name || bare === shortName,
  );
  return found === undefined ? null : (found[0] as AutomationName);
}
