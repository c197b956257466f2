import type { IngestConfig } from '../../config.ts';
import type { FeedParts } from '../feed.ts';
import type { MendOptions } from './mended-feed.ts';

/** How a feed of the configuration is mended. */
export function mendOptions(config: IngestConfig, { moments, log }: FeedParts): MendOptions {
  return {
    hasStoodStill: () => moments.hasStoodStill(),
    silenceMs: config.SILENCE_MS,
    reconnectMinMs: config.RECONNECT_MIN_MS,
    reconnectMaxMs: config.RECONNECT_MAX_MS,
    stableMs: config.STABLE_MS,
    isReplay: config.REPLAY_SPEED !== undefined,
    random: Math.random,
    log,
  };
}
