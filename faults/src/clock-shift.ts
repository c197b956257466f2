/**
 * Loaded by `node --import`: shifts the wall clock of a process by `CLOCK_SHIFT_MS`, as on a machine whose
 * clock is wrong. The monotonic clock and timers are left alone, as there.
 *
 * SIGUSR2 tells that the machine has slept for `SUSPEND_MS`: the wall clock goes on by so much, and the
 * monotonic one does not. `STOPPED_MS` is how long the process was stopped for it, which that one does not
 * count.
 */
let shiftMs = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const suspendMs = Number(process.env['SUSPEND_MS'] ?? 0);
const stoppedMs = Number(process.env['STOPPED_MS'] ?? 0);
let stoodMs = 0;
if (suspendMs > 0) {
  process.on('SIGUSR2', () => {
    shiftMs += suspendMs;
    stoodMs += stoppedMs;
  });
}
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...args: readonly unknown[]) {
    // Every form of the constructor but the one without arguments is as it was.
    super(...((args.length === 0 ? [RealDate.now() + shiftMs] : args) as [number]));
  }
  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor;

const realNow = performance.now.bind(performance);
let latestMs = 0;
performance.now = () => {
  latestMs = Math.max(latestMs, realNow() - stoodMs);
  return latestMs;
};
