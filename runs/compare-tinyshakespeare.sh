#!/usr/bin/env bash
# Patch plan against token-level training on tinyshakespeare, bytes; about 15 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
node runs/compare.mjs runs/tinyshakespeare.yaml runs-out/tinyshakespeare
