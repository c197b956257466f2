import { FIRST_EVENTS } from '@kandle/testkit/first-events';
import { afterAll, expect, test } from 'vitest';
import { createPrograms } from './programs.ts';
import { envOf, type SecuredServers } from './secured-servers.ts';

/** Who comes with whose login, and what its log then says. */
const FOREIGN: readonly (readonly [name: string, login: string, says: RegExp])[] = [
  ['transform', 'aggregate', /Cannot produce to Kafka: Not authorized to access topics/],
  ['aggregate', 'signal', /kandle_signal has no SELECT permission on <table kandle\./],
  ['persist', 'aggregate', /kandle_aggregate has no MODIFY permission on <table kandle\./],
  ['signal', 'aggregate', /kandle_aggregate has no SELECT permission on <table kandle\./],
];

/** A login that was mixed up is no silence: the function says what it may not, and the event comes again. */
export function testForeignLogins(secured: () => SecuredServers): void {
  const programs = createPrograms();
  afterAll(() => programs.end());

  test.for(FOREIGN)(
    '%s with the login of %s takes no event, and says what it may not do',
    async ([name, login, says]) => {
      const program = await programs.start(name, `functions/${name}/src/index.ts`, {
        ...envOf(secured(), login),
      });
      await program.says(/"ready"/);
      const event = FIRST_EVENTS.get(name)?.(2);
      expect(await program.ask('/', event)).toBe(503);
      await program.says(says);
    },
  );
}
