#!/bin/sh
# Brings the pipeline up on this machine, sends 300 real trades through it, and shows them enriched.
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

The pipeline is running on this machine and keeps its data. What to try next:

    . .venv/bin/activate
    cryptoctl send-price BTC 50000 coinbase --env demo --local
    cryptoctl prices BTC --env demo --local
    cryptoctl logs --env demo --local --follow

`make demo-down` removes it.
END
