#!/bin/sh
# Remove all programs but Python from a base image, the shell included. Compile the standard library. Create the user
# that services run as. The list of installed packages stays, because scanners read it.
set -eu
rm -rf \
  /usr/lib/apt /usr/lib/*/libapt-pkg* /var/lib/apt /var/cache/apt /etc/apt \
  /usr/lib/dpkg /usr/share/dpkg /var/lib/dpkg/info \
  /usr/lib/*/perl* /usr/share/perl* \
  /usr/local/bin/*-config \
  /usr/share/python-wheels /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/include /usr/local/include \
  /var/cache/* /var/log/* /tmp/* /etc/alternatives
for library in /usr/lib /usr/local/lib; do
  rm -rf "$library"/python3*/ensurepip "$library"/python3*/idlelib "$library"/python3*/lib2to3 "$library"/python3*/test \
    "$library"/python3*/*-packages/pip "$library"/python3*/*-packages/pip-* \
    "$library"/python3*/*-packages/setuptools* "$library"/python3*/*-packages/pkg_resources "$library"/python3*/*-packages/wheel* \
    "$library"/python3*/config-* "$library"/python3*/turtledemo "$library"/libpython*.a
done
# Services run without write access, so Python could not keep what it compiles, and would compile it at each start and
# each health check. Bases such as python:slim have no compiled modules.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
grep -q '^cathouse:' /etc/passwd || {
  echo 'cathouse:x:65532:65532:Cat House:/nonexistent:/usr/sbin/nologin' >>/etc/passwd
  echo 'cathouse:x:65532:' >>/etc/group
}
# Some modules of the standard library are programs too.
find / -xdev -type f -name '*.py' -exec chmod a-x {} +
find / -xdev -type l -path '*bin/*' ! -name python ! -name python3 -delete
# Deletes itself, this shell and this file too, so no command can follow.
find / -xdev -type f -perm /111 ! -name '*.so*' ! -name 'python3.[0-9][0-9]' -delete
