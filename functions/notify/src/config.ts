import { logLevel } from '@kandle/runtime/config';
import { z } from 'zod';

/** Every variable that it takes, with its default. */
export const envSchema = z.object({ LOG_LEVEL: logLevel.default('info') });
