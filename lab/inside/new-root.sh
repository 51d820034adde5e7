#!/bin/sh
# The first process of a lab machine: builds a root of its own over the machine's, moves into it and becomes $3.
# Runs in new pid, mount, uts, ipc and cgroup namespaces, in the keeper's network namespace.
# LAB_LAYER, if set: a folder that stands in for what else the machine has on its disk.
# $1: id of the machine, $2: folder of the project's checkout, $3: host name, $4...: the program to become
set -eu
id=$1
project=$2
name=$3
shift 3
root=/mnt/root

mount --make-rprivate /
hostname "$name"
# The machine may run the product itself: what it has of it is not this host's, which begins without (overlayfs.rst, whiteouts).
if [ ! -e /mnt/upper/etc/lab-host ]; then
  for place in etc/healtharchive srv/healtharchive var/lib/healtharchive var/lib/node_exporter; do
    mkdir -p "/mnt/upper/${place%/*}"
    mknod "/mnt/upper/$place" c 0 0
  done
fi
# On a file system of its own: layers must not lie in each other.
if [ -n "${LAB_LAYER-}" ] && [ ! -e /mnt/layer ]; then cp -a "$LAB_LAYER" /mnt/layer; fi
# The machine's own root is the lower layer and is never written to: systemd-tmpfiles would empty the real /tmp.
mount -t overlay -o lowerdir=${LAB_LAYER:+/mnt/layer:}/,upperdir=/mnt/upper,workdir=/mnt/work overlay $root

mount -t proc proc $root/proc
# What namespaces don't cover is shared with the machine, so it is read-only here: kernel settings and devices in sysfs.
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
if [ -e $root/proc/sysrq-trigger ]; then
  mount --bind $root/proc/sysrq-trigger $root/proc/sysrq-trigger
  mount -o remount,bind,ro $root/proc/sysrq-trigger
fi
mount -t sysfs -o ro sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
mount -t fusectl fusectl $root/sys/fs/fuse/connections

# Commands that the lab runs inside get a place in the machine's own tree of processes (lab/inside.ts).
mkdir -p $root/sys/fs/cgroup/lab.commands

mount -t tmpfs -o mode=755 tmpfs $root/run
# A user namespace may mount a proc of its own (rootless containers do) only where a whole one is to be seen, without
# the read-only patches above.
mkdir -p -m 700 $root/run/lab/proc
mount -t proc proc $root/run/lab/proc
mount -t tmpfs -o mode=1777 tmpfs $root/tmp

# Each boot has a boot id of its own, as on real hardware.
cat /proc/sys/kernel/random/uuid >$root/run/boot_id
mount --bind $root/run/boot_id $root/proc/sys/kernel/random/boot_id

# A small /dev: no disks, no kernel log, its own terminals and shared memory.
mount -t tmpfs -o mode=755,nosuid tmpfs $root/dev
mkdir $root/dev/pts $root/dev/shm $root/dev/mqueue
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 fuse:10:229; do
  IFS=: read -r file major minor <<END
$device
END
  mknod -m 666 "$root/dev/$file" c "$major" "$minor"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts $root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs $root/dev/shm
mount -t mqueue mqueue $root/dev/mqueue
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
ln -s /proc/self/fd/0 $root/dev/stdin
ln -s /proc/self/fd/1 $root/dev/stdout
ln -s /proc/self/fd/2 $root/dev/stderr

mkdir -p $root/opt/healtharchive
mount --bind "$project" $root/opt/healtharchive
mount -o remount,bind,ro $root/opt/healtharchive

cd $root
mkdir run/old
pivot_root . run/old
umount -l /run/old
rmdir /run/old
# As on a real host: what is mounted in one place appears in every copy of the tree (storage-facts F23).
mount --make-rshared /
touch "/run/lab-root-$id"
exec "$@"
