/** Takes one line of progress for people; it must not throw. */
export type OnProgress = (line: string) => void;
