/** A container image made without any registry: busybox and wget of the machine in a root folder of their own. */
import type { Host } from './host.ts';

export const CRAWLER_IMAGE = 'localhost/lab-crawler:latest';

const IMPORT_TIMEOUT_MS = 30_000;

/**
 * What a lab host needs so that plain `podman run IMAGE` works: there are no cgroup controllers, no container
 * networks, no CAP_SYS_RESOURCE to raise limits with, and overlay on overlay is refused.
 */
const CONTAINERS_CONF = `[containers]
cgroups = "disabled"
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
`;
const STORAGE_CONF = `[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
`;

const BUILD = `set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/usr/bin"
cp /bin/busybox "$root/bin/"
for name in sh ls cat cp sleep id true false echo mkdir rm date touch test kill ps env tee seq; do
  ln -s busybox "$root/bin/$name"
done
cp /usr/bin/wget "$root/usr/bin/"
ldd /usr/bin/wget | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
cp /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf "$root/etc/"
tar -C "$root" -c . >/var/tmp/lab-crawler.tar
`;

/**
 * Sets podman up in the host and imports the image as `localhost/lab-crawler:latest`, for root and for each of
 * `users` (rootless; takes about half a second each). The image has `sh`, the usual small programs and `wget`.
 */
export async function importCrawlerImage(host: Host, users: readonly string[] = []): Promise<string> {
  await host.writeFile('/etc/containers/containers.conf', CONTAINERS_CONF);
  await host.writeFile('/etc/containers/storage.conf', STORAGE_CONF);
  await host.runOk(BUILD, { timeoutMs: IMPORT_TIMEOUT_MS });
  for (const user of ['root', ...users]) {
    const argv = ['podman', 'import', '--quiet', '/var/tmp/lab-crawler.tar', CRAWLER_IMAGE];
    await host.runOk(argv, { user, timeoutMs: IMPORT_TIMEOUT_MS });
  }
  return CRAWLER_IMAGE;
}
