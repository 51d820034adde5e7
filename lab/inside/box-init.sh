#!/bin/sh
# The first process of a storage box: serves nothing itself, collects orphans until the box is closed.
# $1: size of the storage in bytes, $2: the public key that may log in
set -eu
size=$1
key=$2

useradd --create-home --home-dir /home/storage --shell /bin/sh --uid 4000 storage
# Without PAM sshd takes "!" for a locked account and refuses keys as well.
usermod --password '*' storage
mkdir -p /home/storage/.ssh /run/sshd /etc/lab-sshd
echo "$key" >/home/storage/.ssh/authorized_keys
chown -R storage:storage /home/storage

mkdir /home/storage/files
mount -t tmpfs -o "size=$size,mode=755,uid=4000,gid=4000" storage /home/storage/files
mount --make-private /home/storage/files

ssh-keygen -q -t ed25519 -N '' -f /etc/lab-sshd/host_key
cat >/etc/lab-sshd/config <<'END'
Port 23
HostKey /etc/lab-sshd/host_key
PidFile none
UsePAM no
PasswordAuthentication no
AllowUsers storage
StrictModes no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
MaxStartups 100
MaxSessions 100
END
touch /run/box-ready
while :; do sleep 86400; done
