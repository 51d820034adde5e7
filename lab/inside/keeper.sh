#!/bin/sh
# Keeps what outlives one boot of a lab machine: its disk (a tmpfs), its network namespace, its cgroup.
# Started by lab/machine.ts in mount and network namespaces of its own; says "ready", then holds on until its input
# ends, which also happens when the test process dies in any way. Then it ends everything that is left in the cgroup.
# $1: id of the machine, $2: size of its disk in bytes
set -eu
id=$1
disk_bytes=$2

# /mnt exists on every Linux and is covered here for this mount namespace only: no file of the machine is touched.
mount -t tmpfs -o "size=$disk_bytes,mode=755" healtharchive-lab /mnt
mkdir /mnt/upper /mnt/work /mnt/root /mnt/cgroup
mount -t cgroup2 cgroup2 /mnt/cgroup
# Empty groups that an earlier keeper had no time to remove (it was killed itself).
for left in /mnt/cgroup/healtharchive-lab-*; do
  if [ -d "$left" ] && grep -q '^populated 0' "$left/cgroup.events" && ! [ -d "/proc/${left##*-}" ]; then
    find "$left" -depth -type d -exec rmdir {} + 2>/dev/null || true
  fi
done
# The name ends in the keeper's own process id, so that the loop above can tell a group that is still in use.
group=/mnt/cgroup/healtharchive-lab-$id-$$
mkdir "$group"
ln -s "$group" /mnt/group
ip link set lo up
echo ready
cat >/dev/null

echo 1 >"$group/cgroup.kill"
tries=0
until grep -q '^populated 0' "$group/cgroup.events" || [ $tries -ge 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
find "$group" -depth -type d -exec rmdir {} +
