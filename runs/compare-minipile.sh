#!/usr/bin/env bash
# The same on a mixed corpus with the LLaMA-2 vocabulary; about 30 minutes on two cores.
# usage: runs/compare-minipile.sh CORPUS.jsonl.zst TOKENIZER
set -euo pipefail
corpus=$(realpath "$1") tokenizer=$(realpath "$2")
cd "$(dirname "$0")/.."
mkdir -p runs-out
sed -e "s|CORPUS|$corpus|" -e "s|TOKENIZER|$tokenizer|" runs/minipile.yaml > runs-out/minipile.yaml
node runs/compare.mjs runs-out/minipile.yaml runs-out/minipile
