import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** Settings of the node by name, as in `cassandra.yaml`. */
export type CassandraSettings = Readonly<Record<string, unknown>>;

/** Where the node listens and keeps its data. */
export interface CassandraPlace {
  readonly port: number;
  readonly storagePort: number;
  readonly dataDir: string;
}

/** The text of `cassandra.yaml` for a node alone; `overrides` win (undefined takes a setting out). */
export function renderCassandraYaml(place: CassandraPlace, overrides: CassandraSettings = {}): string {
  return (
    Object.entries({ ...singleNode(place), ...overrides })
      .filter(([, value]) => value !== undefined)
      // JSON is YAML, and needs no care with quotes.
      .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
      .join('')
  );
}

function singleNode({ port, storagePort, dataDir }: CassandraPlace): CassandraSettings {
  return {
    cluster_name: 'kandle',
    num_tokens: 1,
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    endpoint_snitch: 'SimpleSnitch',
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: `127.0.0.1:${storagePort}` }],
      },
    ],
    listen_address: '127.0.0.1',
    rpc_address: '127.0.0.1',
    storage_port: storagePort,
    native_transport_port: port,
    data_file_directories: [join(dataDir, 'data')],
    commitlog_directory: join(dataDir, 'commitlog'),
    saved_caches_directory: join(dataDir, 'saved_caches'),
    hints_directory: join(dataDir, 'hints'),
    cdc_raw_directory: join(dataDir, 'cdc_raw'),
    auto_bootstrap: false,
    auto_snapshot: false,
    paxos_variant: 'v2',
    // A write is answered when it is on disk: `periodic` loses acknowledged writes of a killed node. Measured
    // here, one LWT at a time: batch 1.2 ms, group of 2 ms 2.6 ms, group of 10 ms 10 ms; 16 at once: 2,245,
    // 1,198 to 1,764 and 708 a second. Group pays on slow disks only, and then by
    // `yaml: { commitlog_sync: 'group', … }`.
    commitlog_sync: 'batch',
    commitlog_total_space: '1024MiB',
    // On the heap, in Cassandra's default form, 38,000 rows of trades filled a quarter of it: a backlog of
    // 500,000 was written to disk 13 times and compacted four at a time (docs/performance.md).
    memtable: { configurations: { trie: { class_name: 'TrieMemtable' }, default: { inherits: 'trie' } } },
    memtable_allocation_type: 'offheap_objects',
    memtable_offheap_space: '256MiB',
    // With one writer the largest is written when half of the room is taken, with two when a third is.
    memtable_flush_writers: 1,
    ...threadsFor(availableParallelism()),
    // A broken disk ends the process, which is seen, rather than leaving half a node, which is not.
    disk_failure_policy: 'die',
    commit_failure_policy: 'die',
  };
}

/**
 * As many threads as so many cores can use. Cassandra's own 128 for requests and 32 each for reads and writes
 * wake one another on a small machine: with 8, 4 and 4 on two cores a row cost 0.55 and a lightweight
 * transaction 0.5 times the CPU, and the mean transaction took 37 ms instead of 113 under load.
 */
function threadsFor(cores: number): CassandraSettings {
  return {
    native_transport_max_threads: Math.min(128, 4 * Math.max(2, cores)),
    concurrent_reads: Math.min(32, 2 * Math.max(2, cores)),
    concurrent_writes: Math.min(32, 2 * Math.max(2, cores)),
  };
}
