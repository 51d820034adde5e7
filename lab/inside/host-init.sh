#!/bin/sh
# Furnishes a lab host on its first boot, then becomes systemd. Runs in the host's own root (see new-root.sh).
set -eu

first_boot() {
  # None of the machine's own services, mounts or timers: only what the lab and the project install.
  rm -rf /etc/systemd/system
  mkdir -p /etc/systemd/system
  : >/etc/fstab
  rm -rf /var/log/journal
  tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
  hostname >/etc/hostname
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >/etc/hosts
  # No hardware, no log-ins at a console: these would wait for devices that are not there.
  for unit in getty.target systemd-logind.service systemd-udevd.service systemd-udev-trigger.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-modules-load.service systemd-sysctl.service \
    systemd-random-seed.service systemd-journald-audit.socket systemd-update-utmp.service systemd-binfmt.service \
    systemd-update-utmp-runlevel.service systemd-tmpfiles-setup-dev.service kmod-static-nodes.service \
    systemd-firstboot.service systemd-sysusers.service dev-hugepages.mount proc-sys-fs-binfmt_misc.automount \
    modprobe@.service sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount; do
    ln -s /dev/null "/etc/systemd/system/$unit"
  done

  # The machine may have a user of that name, with another home.
  if id healtharchive >/dev/null 2>&1; then userdel --force healtharchive; fi
  if getent group healtharchive >/dev/null; then groupdel healtharchive; fi
  useradd --system --user-group --create-home --home-dir /var/lib/healtharchive --shell /usr/sbin/nologin healtharchive
  grep -q '^healtharchive:' /etc/subuid || echo 'healtharchive:200000:65536' >>/etc/subuid
  grep -q '^healtharchive:' /etc/subgid || echo 'healtharchive:200000:65536' >>/etc/subgid
  # As docs/deployment/systemd/README.md says.
  install -d -m 755 /etc/healtharchive /srv/healtharchive /srv/healtharchive/storagebox
  install -d -o healtharchive -g healtharchive -m 750 /srv/healtharchive/db /srv/healtharchive/ops
  install -d -o healtharchive -g healtharchive -m 755 /srv/healtharchive/jobs
  install -d -m 755 /var/lib/node_exporter/textfile_collector
  ln -sf /opt/healtharchive/bin/healtharchive /usr/local/bin/healtharchive
  # sshfs as root offers allow_other to ordinary users only with this.
  grep -qx user_allow_other /etc/fuse.conf 2>/dev/null || echo user_allow_other >>/etc/fuse.conf
  touch /etc/lab-host
}

[ -e /etc/lab-host ] || first_boot
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=multi-user.target --show-status=false
