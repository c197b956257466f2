import { fnv1a64 } from '@kandle/market/number/hash';
import { type ICustomPartitioner, Partitioners } from 'kafkajs';

const SHARD = /^(.+)-(\d{2})$/;

/**
 * Spreads shards evenly: those of one feed follow each other over the partitions, from one on that the feed's
 * name decides. Any other key goes where Kafka's default puts it.
 *
 * By Kafka's hash of the key the 12 shards of a feed meet in 7 or 8 of 12 partitions, up to three in one; and
 * since an ordered source has one event of a partition under way at a time, the fullest partition decides how
 * far it can go.
 */
export const shardPartitioner: ICustomPartitioner = () => {
  const byHash = Partitioners.DefaultPartitioner();
  return (args) => {
    const [, feed, index] = SHARD.exec(String(args.message.key ?? '')) ?? [];
    if (feed === undefined) return byHash(args);
    return (fnv1a64(feed).low + Number(index)) % args.partitionMetadata.length;
  };
};
