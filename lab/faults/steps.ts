/** Killing a service right before a chosen one of its steps: what a power cut or the out-of-memory killer does at the worst time. */
import type { Host } from '../host.ts';

/** Programs that change something on a host; each run of one by the service is a step. */
const PROGRAMS = ['mount', 'umount', 'systemctl'];
const FOLDER = '/run/lab/steps';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ArmedSteps {
  /** Command lines of the steps since it was armed; one that it was killed before is the last. */
  taken(): Promise<string[]>;
  remove(): Promise<void>;
}

/**
 * The next run of `unit` is killed right before its step number `before`, counted from 1, and that step is not done; given
 * a command line, only steps that are exactly that count, whatever runs beside them. With 0 it is not killed, but its
 * steps are known. Runs after that one go undisturbed. Steps are seen by programs put first on the unit's PATH, so it
 * must find them there.
 */
export async function killBeforeStep(
  host: Host,
  unit: string,
  before: number,
  commandLine?: string,
): Promise<ArmedSteps> {
  const folder = `${FOLDER}/${unit}`;
  const dropIn = `/run/systemd/system/${unit}.d/lab-steps.conf`;
  const remove = async (): Promise<void> => {
    await host.runOk(['rm', '-rf', '--', folder, dropIn]);
    await host.runOk(['systemctl', 'daemon-reload']);
  };
  await host.runOk(['rm', '-rf', '--', folder]);
  for (const program of PROGRAMS) {
    await host.writeFile(`${folder}/bin/${program}`, shim(program, unit, folder));
  }
  await host.writeFile(`${folder}/before`, `${before}\n`);
  await host.writeFile(`${folder}/counts`, `${commandLine ?? ''}\n`);
  await host.writeFile(`${folder}/taken`, '');
  await host.runOk(`chmod 755 ${folder}/bin/*`);
  await host.writeFile(dropIn, `[Service]\nEnvironment=PATH=${folder}/bin:${PATH}\n`);
  await host.runOk(['systemctl', 'daemon-reload']);
  return {
    taken: async () => (await host.readFile(`${folder}/taken`)).split('\n').filter((line) => line !== ''),
    remove,
  };
}

/** Questions are no steps. Steps that run at the same time are counted one after another, so that each number comes once. */
function shim(program: string, unit: string, folder: string): string {
  return `#!/bin/sh
PATH=${PATH}
case "${program} $1" in
  'systemctl show' | 'systemctl is-'* | 'systemctl status' | 'systemctl list-'*) exec ${program} "$@" ;;
esac
line="${program} $*"
counts=$(cat ${folder}/counts)
exec 9>>${folder}/taken
flock 9
echo "$line" >&9
if [ "$counts" = '' ]; then number=$(wc -l <${folder}/taken)
elif [ "$counts" = "$line" ]; then number=$(grep -c -F -x -e "$line" ${folder}/taken)
else number=none
fi
exec 9>&-
if [ "$number" = "$(cat ${folder}/before)" ]; then
  systemctl kill --kill-whom=main --signal=KILL ${unit}
  exit 1
fi
exec ${program} "$@"
`;
}
