"""Prints an Avro record as JSON, as fastavro reads it: python decode.py SCHEMA DATA."""

import json
import sys

import fastavro

with open(sys.argv[1], encoding="utf-8") as schema, open(sys.argv[2], "rb") as data:
    print(json.dumps(fastavro.schemaless_reader(data, fastavro.parse_schema(json.load(schema)), None)))
