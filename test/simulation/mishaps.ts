/** What may happen to a host at any moment: while recovery looks, between its steps, and between its runs. */
import { BASE, BASE_UNIT, JOBS } from './host-model.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

type Mishap = (scene: Scene, random: Random) => void;

const anyUnit = ({ host }: Scene, random: Random): string => random.pick([...host.units.keys()]) ?? BASE_UNIT;
const anyHotPath = ({ spots }: Scene, random: Random): string => `${JOBS}/${random.pick(spots)?.name ?? 'l'}`;

const mishaps: readonly Mishap[] = [
  (scene, random) => {
    scene.host.killSshfs(anyUnit(scene, random));
  },
  ({ host }) => {
    host.killSshfs(BASE_UNIT);
  },
  (scene, random) => {
    scene.host.stopUnit(anyUnit(scene, random));
  },
  (scene, random) => {
    scene.host.startUnit(anyUnit(scene, random));
  },
  (scene, random) => {
    const unit = scene.host.units.get(anyUnit(scene, random));
    if (unit !== undefined) unit.isDisabled = random.chance(0.5);
  },
  (scene, random) => {
    scene.host.unmountTop(anyHotPath(scene, random));
  },
  ({ host }) => {
    host.unmountTop(BASE);
  },
  (scene, random) => {
    // What somebody binds by hand, rightly or not: a good layer over a dead one, say.
    const path = anyHotPath(scene, random);
    if (!scene.host.isBlocked(BASE))
      scene.host.bind(random.chance(0.7) ? BASE + path : `${BASE}/jobs/wrong`, path);
  },
  (scene, random) => {
    // A stack of the same: the dead one comes again on top.
    const path = anyHotPath(scene, random);
    const top = scene.host.table.topmostAt(path);
    if (top !== undefined) scene.host.mount(path, top);
  },
  (scene, random) => {
    scene.host.mount(anyHotPath(scene, random), {
      device: '0:9',
      root: '/',
      fstype: 'tmpfs',
      source: 'tmpfs',
    });
  },
  ({ host }, random) => {
    // A dead layer over a base that lives.
    const device = `0:${90 + random.below(5)}`;
    host.superblocks.set(device, { isAlive: false, servedBy: 'nobody' });
    host.mount(BASE, { device, root: '/', fstype: 'fuse.sshfs', source: `${BASE_UNIT}:` });
  },
  (scene, random) => {
    scene.host.lookThrough(`${anyHotPath(scene, random)}/in/deep`);
  },
  ({ host }) => {
    host.server = 'down';
  },
  ({ host }) => {
    host.server = 'frozen';
  },
  ({ host }) => {
    host.server = 'up';
  },
  ({ host }) => {
    host.server = 'up';
  },
  startAnyCrawl,
  startAnyCrawl,
  ({ host }, random) => {
    host.crawls = host.crawls.filter(() => random.chance(0.5));
  },
  (scene, random) => {
    scene.pass(random.below(3000), random);
  },
  (scene, random) => {
    scene.pass(random.below(3_600_000), random);
  },
  ({ worker }, random) => {
    // A launcher that is frozen leaves its crawl behind.
    const isLeft = random.chance(0.3);
    worker.die(() => isLeft && random.chance(0.5));
  },
  ({ worker }) => {
    worker.stop();
  },
  ({ worker }) => {
    worker.start();
  },
  ({ worker }) => {
    worker.giveBackStale();
  },
  ({ worker }, random) => {
    worker.isUnfit = random.chance(0.5);
  },
  ({ worker }, random) => {
    worker.isDisabled = random.chance(0.3);
  },
  ({ worker }, random) => {
    worker.isDatabaseAway = random.chance(0.3);
  },
  (scene, random) => {
    scene.hasAutoStartSentinel = random.chance(0.7);
  },
  (scene, random) => {
    scene.host.wallMs += (random.below(5) - 2) * 86_400_000;
    scene.isClockStepped = true;
  },
  ({ host }, random) => {
    // systemd takes its time.
    for (const unit of host.units.values()) if (random.chance(0.3)) unit.isSlow = random.chance(0.5);
  },
  (scene, random) => {
    scene.deployLock = random.pick(['free', 'held', 'unknown'] as const) ?? 'free';
  },
  (scene, random) => {
    scene.hasSentinel = random.chance(0.7);
  },
  (scene, random) => {
    scene.isFlipping = random.chance(0.3);
  },
];

function startAnyCrawl(scene: Scene, random: Random): void {
  const job = random.pick(scene.worker.pending);
  if (job !== undefined) scene.startCrawl(job, random);
}

export function mishap(scene: Scene, random: Random): void {
  random.pick(mishaps)?.(scene, random);
}

/** Nothing breaks any more, and whoever has broken something has put it right, as far as that is not recovery's. */
export function calm(scene: Scene): void {
  const { host, worker } = scene;
  host.server = 'up';
  for (const unit of host.units.values()) unit.isSlow = false;
  scene.deployLock = 'free';
  scene.hasSentinel = true;
  scene.isFlipping = false;
  scene.areSpecsReadable = true;
  scene.hasAutoStartSentinel = true;
  worker.isUnfit = false;
  worker.isDisabled = false;
  worker.isDatabaseAway = false;
  host.pass(2000);
}
