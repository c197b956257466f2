import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';

/**
 * An ISO 8601 duration such as `PT5S`, in milliseconds. Years and months are refused, for they have no fixed
 * length.
 *
 * Node 24 has no `Temporal` of its own; where it has one, the import goes.
 */
export const DurationSchema = z
  .string()
  .regex(z.regexes.duration, 'expected an ISO 8601 duration such as PT5S')
  .transform((text, context) => {
    try {
      return Temporal.Duration.from(text).total('milliseconds');
    } catch {
      context.addIssue('expected an ISO 8601 duration of days at most, such as PT5S');
      return z.NEVER;
    }
  });
