#!/bin/bash
PYTHONPATH=/opt/cqlsh exec python3 /opt/cqlsh/bin/cqlsh "$@"
