#!/bin/sh
# The main job on this machine: the pipeline comes up, 300 real trades go through it, a table shows them.
set -eu
cd "$(dirname "$0")/.."

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

run cryptoctl up --env demo --local
run cryptoctl send-price --env demo --local --file examples/eth_usdt_trades.csv --symbol ETH --exchange binance
run cryptoctl prices ETH --env demo --local --last 25 --wait
run cryptoctl status --env demo --local

cat <<'END'

The pipeline is up on this machine, with its data. Go on with

    . .venv/bin/activate
    cryptoctl send-price BTC 50000 coinbase --env demo --local
    cryptoctl prices BTC --env demo --local
    cryptoctl logs --env demo --local --follow

and remove it with `make demo-down`.
END
