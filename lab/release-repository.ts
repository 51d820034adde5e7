/**
 * A git repository of this program on a private host, for deploys: the real program as it is built, with its packages from the machine instead of the
 * network. A commit of it can wait at a step until it is let go (so that a deploy can be met, or killed, there), lack something, or bring a migration.
 */
import type { Host } from './host.ts';

/** On the host. */
export const REPOSITORY = '/srv/git/healtharchive';
const CONTROL = '/run/release-control';

/** Where a release, or its build, can be held: command lines of the program, and the scripts. */
export type HoldPoint = (typeof holdPoints)[number];
/** In the order in which a deploy comes to them: what git packs, two scripts, and command lines of the program. */
export const holdPoints = [
  'pack',
  'setup',
  'check',
  'ops-install---json',
  'db-migrate---dry-run',
  'db-migrate-',
  'ops-install---apply',
  'worker-run-',
  'storage-recover---json',
] as const;

/** What is wrong with a commit. */
export type Flaw = 'throws' | 'check_fails' | 'setup_fails' | 'worker_ends' | 'rejects_configuration';

export interface CommitOptions {
  readonly flaw?: Flaw;
  /** A migration more than the checkout has; `shutting_out`: one that the release before can't work with. */
  readonly migration?: 'additive' | 'shutting_out';
  /** A unit's file that differs by a comment. */
  readonly changedUnit?: string;
}

export class ReleaseRepository {
  readonly #host: Host;
  readonly #checkout: string;

  private constructor(host: Host, checkout: string) {
    this.#host = host;
    this.#checkout = checkout;
  }

  /** @param checkout where this program lies on the host, built */
  static async on(host: Host, checkout: string): Promise<ReleaseRepository> {
    await host.runOk([
      'sh',
      '-euc',
      `mkdir -p ${REPOSITORY}/script ${CONTROL}/hold ${CONTROL}/reached
       chmod 1777 ${CONTROL}/reached
       printf '%s\n' '#!/bin/sh' '${hold('pack')}' 'exec "$@"' >/usr/local/bin/git-pack
       chmod +x /usr/local/bin/git-pack
       git config --global uploadpack.packObjectsHook /usr/local/bin/git-pack
       cd ${REPOSITORY}
       git init --quiet --initial-branch=main
       git config user.name Lab; git config user.email lab@example.org; git config commit.gpgsign false`,
    ]);
    return new ReleaseRepository(host, checkout);
  }

  /**
   * Makes a commit and a tag of the same name.
   * @returns the name that its release will have
   */
  async commit(tag: string, { flaw, migration, changedUnit }: CommitOptions = {}): Promise<string> {
    const checkout = this.#checkout;
    await this.#host.runOk([
      'sh',
      '-euc',
      `cd ${REPOSITORY}
       rm -rf bin dist docs ops
       cp -a ${checkout}/bin ${checkout}/docs ${checkout}/ops ${checkout}/package.json ${checkout}/*.md ${checkout}/LICENSE .
       ${migration === undefined ? `cp -a ${checkout}/dist .` : buildWith(checkout, migration)}
       rm -rf dist/compile-cache
       echo '${tag}' >docs/tag`,
    ]);
    await this.#host.writeFile(
      `${REPOSITORY}/bin/healtharchive`,
      withControl(await this.#host.readFile(`${checkout}/bin/healtharchive`), flaw),
    );
    const packageFile = JSON.parse(await this.#host.readFile(`${checkout}/package.json`)) as {
      scripts: Record<string, string>;
    };
    packageFile.scripts['check'] = `sh -c '${hold('check')}${flaw === 'check_fails' ? '; exit 1' : ''}'`;
    await this.#host.writeFile(`${REPOSITORY}/package.json`, JSON.stringify(packageFile));
    await this.#host.writeFile(`${REPOSITORY}/script/setup`, setup(checkout, flaw));
    if (flaw === 'throws')
      await this.#host.writeFile(
        `${REPOSITORY}/dist/main.js`,
        "throw new Error('this release does not start');\n",
      );
    if (changedUnit !== undefined)
      await this.#host.runOk(`echo '# ${tag}' >>${REPOSITORY}/ops/systemd/${changedUnit}`);
    const made = await this.#host.runOk([
      'sh',
      '-euc',
      `cd ${REPOSITORY}
       chmod +x bin/healtharchive script/setup
       git add --all --force
       git commit --quiet --allow-empty --message='Release ${tag}'
       git tag ${tag}
       git rev-parse HEAD`,
    ]);
    return made.trim().slice(0, 12);
  }

  /** Whatever comes to this point waits there until it is let go. */
  async holdAt(point: HoldPoint): Promise<void> {
    await this.#host.runOk(`rm -f ${CONTROL}/reached/${point}; touch ${CONTROL}/hold/${point}`);
  }

  async hasReached(point: HoldPoint): Promise<boolean> {
    return (await this.#host.run(['test', '-e', `${CONTROL}/reached/${point}`])).status === 0;
  }

  async letGo(point: HoldPoint): Promise<void> {
    await this.#host.runOk(`rm -f ${CONTROL}/hold/${point}`);
  }
}

function hold(point: string): string {
  return `if [ -e ${CONTROL}/hold/${point} ]; then touch ${CONTROL}/reached/${point}; while [ -e ${CONTROL}/hold/${point} ]; do sleep 0.1; done; fi`;
}

/** The program's own start, with the points before it. */
function withControl(start: string, flaw: Flaw | undefined): string {
  const failing: Partial<Record<Flaw, string>> = {
    worker_ends: `case "\${1-} \${2-}" in 'worker run') echo 'this worker ends' >&2; exit 1 ;; esac`,
    rejects_configuration: `case "\${1-} \${2-}" in 'ops install') echo 'healtharchive: key x is unknown' >&2; exit 4 ;; esac`,
  };
  const lines = [
    'point="${1-}-${2-}-${3-}"',
    hold('$point'),
    flaw === undefined ? '' : (failing[flaw] ?? ''),
  ];
  return start.replace('set -u\n', `set -u\n${lines.join('\n')}\n`);
}

function setup(checkout: string, flaw: Flaw | undefined): string {
  return `#!/bin/sh
set -eu
cd "$(dirname "$0")/.."
${hold('setup')}
${flaw === 'setup_fails' ? "echo 'npm: no such package' >&2; exit 1" : ''}
mkdir -p node_modules
cp -a ${checkout}/node_modules/node-linux-* node_modules/
`;
}

/** The program built of the checkout's sources and one migration. */
function buildWith(checkout: string, migration: 'additive' | 'shutting_out'): string {
  const oldest = migration === 'additive' ? 1 : 999;
  return `
       build=$(mktemp -d)
       cp -a ${checkout}/src ${checkout}/package.json ${checkout}/esbuild.config.js $build/
       ln -s ${checkout}/node_modules $build/node_modules
       sed -i 's|^export const migrations: .*= \\[|&{ version: 999, name: "0999-lab", oldestCode: ${oldest}, up: async (tx) => { await tx.schema.createTable("lab").addColumn("id", "integer").execute(); } }, |' $build/src/store/migrations/index.ts
       (cd $build && node_modules/.bin/node esbuild.config.js)
       cp -a $build/dist .
       rm -rf $build`;
}
