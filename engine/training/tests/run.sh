#!/usr/bin/env bash
# Tests the trainer in an environment of its own under target/, with the versions that pyproject.toml pins.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=../../target/trainer
wanted=$(sha256sum pyproject.toml)
if [ "$(cat "$environment/.wanted" 2> /dev/null)" != "$wanted" ]; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3 torch==2.7.1 pytest==9.2.0
  echo "$wanted" > "$environment/.wanted"
fi
exec "$environment/bin/python" -m pytest -q -p no:cacheprovider tests
