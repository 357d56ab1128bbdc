#!/bin/sh
# Runs a command where there is no network but loopback. Fails if the command does, or if anything that it
# started tried to reach beyond loopback: a network namespace counts the packets, those of name lookups among
# them, for which it has no route.
#
#   sh tests/offline.sh COMMAND [ARGUMENT...]       (Linux, with `unshare` and `ip`)
set -eu

if [ "${1:-}" != --inside ]; then
	exec unshare --map-root-user --net sh "$0" --inside "$@"
fi
shift

ip link set lo up
# Chromium asks the system for a way to this address, without sending anything, to learn whether there is IPv6.
ip -6 route add blackhole 2001:4860:4860::8888/128

unroutable() {
	awk '/^Ip:/ { if (!column) { for (i = 1; i <= NF; i++) if ($i == "OutNoRoutes") column = i } else print $column }' \
		/proc/net/snmp
	awk '/^Ip6OutNoRoutes/ { print $2 }' /proc/net/snmp6
}

status=0
"$@" || status=$?
count=$(unroutable | awk '{ sum += $1 } END { print sum }')
echo "$count packets were meant for somewhere beyond loopback."
[ "$count" = 0 ] || status=1
exit "$status"
