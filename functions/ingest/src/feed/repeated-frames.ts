/** Whole frames that come again back to back, as some vendors send them: copies, and no trades. */
export interface RepeatedFrames {
  /** A new connection: what came on the one before it says nothing. */
  begin(): void;
  /** True if the very same text came right before it. */
  isRepeat(text: string): boolean;
}

/** No data frame came yet. */
export function createRepeatedFrames(): RepeatedFrames {
  let last = '';
  return {
    begin() {
      last = '';
    },
    isRepeat(text) {
      const isSame = text === last;
      last = text;
      return isSame;
    },
  };
}
