/** The part of avsc that has its types of schemas: the whole one costs a cold start twice as much. */
declare module 'avsc/lib/types.js' {
  import type { Type, types as named } from 'avsc';

  const types: {
    readonly Type: typeof Type;
    readonly builtins: Pick<typeof named, 'LogicalType' | 'LongType'>;
  };
  export default types;
}
