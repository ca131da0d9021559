#!/bin/bash
# A user instance of systemd(1), in namespaces of its own, that knows the units of one folder and cannot write to the machine:
# every file system is read-only, but for memory of its own, and that is proved before it is started. (A system's instance would,
# among much else, empty /tmp.) Whoever starts this puts it into a cgroup of its own, see test_templates_systemd.py.
#
# private_systemd.sh UNITS APP PATH...    each PATH is where something must not be writable
set -eu
if [ "$1" != --inside ]; then
    exec unshare --mount --pid --fork --mount-proc --cgroup --ipc --kill-child bash "$0" --inside "$@"
fi
shift
units=$1 app=$2
shift 2
[ $$ = 1 ] || { echo "not in a pid namespace of its own"; exit 9; }
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/run /mnt/home
cp -R "$units" /mnt/units
cp -R "$app" /mnt/app
while read -r _ where kind _; do
    where=$(printf %b "$where")
    case $kind in proc | sysfs | cgroup* | devtmpfs | devpts | mqueue) continue ;; esac
    [ "$where" = /mnt ] && continue
    mountpoint -q "$where" || continue # hidden by another
    mount -o remount,bind,ro "$where" || { echo "cannot make $where read-only"; exit 9; }
done < <(cat /proc/self/mounts)
for where in /tmp /run /var/tmp; do mount -t tmpfs tmpfs $where; done
for where in / /etc /usr /var /home /root "$@"; do
    if [ -w "$where" ] && touch "$where/.probe" 2>/dev/null; then
        rm -f "$where/.probe"
        echo "$where is writable"
        exit 9
    fi
done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/systemd/system # says that systemd is there, sd_booted(3)
export XDG_RUNTIME_DIR=/mnt/run HOME=/mnt/home SYSTEMD_UNIT_PATH=/mnt/units
/lib/systemd/systemd --user --unit=basic.target &
until systemctl --user start web.socket web.target 2>/dev/null; do sleep 0.1; done
echo "the site is up"
wait
