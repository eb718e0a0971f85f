#!/bin/sh
# record-success.sh TASK COMMAND...: run a scheduled command, and record the time if it succeeds. The status is that of the
# command. The alerts BackupLate and PruneLate read the times of the tasks `backup` and `prune-audit`.
#
# METRICS_FOLDER (recorded, beside this script) is the folder of node exporter's textfile collector.
set -eu
[ $# -ge 2 ] || { echo 'usage: record-success.sh TASK COMMAND...' >&2; exit 64; }
task=$1
shift
"$@"
file=${METRICS_FOLDER:-$(dirname "$0")/recorded}/$task.prom
# node exporter, which may be another user, reads only names that end in .prom. It never sees half a file.
umask 022
echo "cathouse_last_success_timestamp_seconds{task=\"$task\"} $(date +%s)" >"$file.$$"
mv "$file.$$" "$file"
