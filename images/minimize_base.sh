#!/bin/sh
# Remove all programs from a base image that install, compile or change users. Compile the standard library. Create the
# user that services run as. The list of installed packages stays, because scanners read it.
set -eu
rm -rf \
  /usr/bin/apt* /usr/lib/apt /usr/lib/*/libapt-pkg* /var/lib/apt /var/cache/apt /etc/apt \
  /usr/bin/dpkg* /usr/sbin/dpkg* /sbin/start-stop-daemon /usr/sbin/start-stop-daemon /usr/lib/dpkg /usr/share/dpkg /var/lib/dpkg/info \
  /usr/bin/perl* /usr/lib/*/perl* /usr/share/perl* /usr/bin/deb* \
  /usr/bin/pip* /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/bin/pydoc* /usr/local/bin/*-config \
  /usr/share/python-wheels /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/include /usr/local/include \
  /var/cache/* /var/log/* /tmp/*
for library in /usr/lib /usr/local/lib; do
  rm -rf "$library"/python3*/ensurepip "$library"/python3*/idlelib "$library"/python3*/lib2to3 "$library"/python3*/test \
    "$library"/python3*/*-packages/pip "$library"/python3*/*-packages/pip-* \
    "$library"/python3*/*-packages/setuptools* "$library"/python3*/*-packages/pkg_resources "$library"/python3*/*-packages/wheel* \
    "$library"/python3*/config-* "$library"/python3*/turtledemo "$library"/libpython*.a
done
find / -xdev -type f -perm /6000 -delete
# Services run without write access, so Python could not keep what it compiles, and would compile it at each start and
# each health check. Bases such as python:slim have no compiled modules.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
grep -q '^cathouse:' /etc/passwd || {
  echo 'cathouse:x:65532:65532:Cat House:/nonexistent:/usr/sbin/nologin' >>/etc/passwd
  echo 'cathouse:x:65532:' >>/etc/group
}
