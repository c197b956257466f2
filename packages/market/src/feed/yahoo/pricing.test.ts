import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from 'vitest';
import { decodePricing, roundedPrice } from './pricing.ts';

/** Messages that Yahoo sent, captured by others. */
const BTC =
  'CgdCVEMtVVNEFYoMuUcYwLCVgIplIgNVU0QqA0NDQzApOAFFPWrEP0iAgOrxvANVx/25R12csrRHZYD8skR9/7i0R7ABgIDq8bwD2AEE4AGAgOrxvAPoAYCA6vG8A/IBA0JUQ4ECAAAAwPrjckGJAgAA2P5ZT3tC';
const TSLA = 'CgRUU0xBFYG9y0MYgM6B7JtnKgNOTVMwCDgCRbV+qr1lANStvtgBBA==';
const AAPL = 'CgRBQVBMFexhnUMYkI6yi8VcKgNOTVMwCDgBRW68EkBItJzfEGXAwuFA2AEE';
const JPY = 'CgVKUFk9WBXhWh9DGODwibD/ZyoDQ0NZMA44AUWSEgO9ZQDwUL3YAQg=';

const decode = (base64: string) => decodePricing(Buffer.from(base64, 'base64'));

describe('decodePricing()', () => {
  test.each([
    [
      BTC,
      {
        id: 'BTC-USD',
        price: 94_745.078_125,
        timeMs: 1_736_509_140_000,
        currency: 'USD',
        exchange: 'CCC',
        quoteType: 41,
        marketHours: 1,
        dayVolume: 59_712_028_672,
        priceHint: 2,
      },
    ],
    [
      TSLA,
      {
        id: 'TSLA',
        price: 407.480_499_267_578_1,
        timeMs: 1_773_263_664_000,
        currency: '',
        exchange: 'NMS',
        quoteType: 8,
        marketHours: 2,
        dayVolume: null,
        priceHint: 2,
      },
    ],
    [
      AAPL,
      {
        id: 'AAPL',
        price: 314.765_014_648_437_5,
        timeMs: 1_589_820_933_000,
        currency: '',
        exchange: 'NMS',
        quoteType: 8,
        marketHours: 1,
        dayVolume: 17_557_274,
        priceHint: 2,
      },
    ],
    [
      JPY,
      {
        id: 'JPY=X',
        price: 159.354_995_727_539_06,
        timeMs: 1_786_622_590_000,
        currency: '',
        exchange: 'CCY',
        quoteType: 14,
        marketHours: 1,
        dayVolume: null,
        priceHint: 4,
      },
    ],
  ])('reads what Yahoo sent: %s', (base64, pricing) => {
    expect(decode(base64)).toEqual(pricing);
  });

  test('takes an absent enum for its zero: an hour before the market opens', () => {
    expect(decodePricing(new BinaryWriter().tag(1, WireType.LengthDelimited).string('X').finish())).toEqual({
      id: 'X',
      price: null,
      timeMs: null,
      currency: '',
      exchange: '',
      quoteType: 0,
      marketHours: 0,
      dayVolume: null,
      priceHint: null,
    });
  });

  test('passes over fields that it does not know, and a known one of another type', () => {
    const bytes = new BinaryWriter()
      .tag(99, WireType.LengthDelimited)
      .string('new')
      .tag(2, WireType.Varint)
      .int32(7)
      .tag(1, WireType.LengthDelimited)
      .string('X')
      .finish();
    expect(decodePricing(bytes)).toMatchObject({ id: 'X', price: null });
  });

  test.each([
    ['a message that is cut', Buffer.from(AAPL, 'base64').subarray(0, 20)],
    ['a group, which could nest without a bound', Buffer.from([0x0b, 0x0b, 0x0c, 0x0c])],
    ['a length beyond the end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x0f])],
    ['a varint without an end', Buffer.alloc(12, 0xff)],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodePricing(bytes)).toThrow(Error);
  });
});

describe('roundedPrice()', () => {
  test.each([
    [94_745.078_125, 2, 94_745.08],
    [407.480_499_267_578_1, 2, 407.48],
    [159.354_995_727_539_06, 4, 159.355],
    [-37.630_001_068_115_234, 2, -37.63],
    // Without a hint, the shortest decimal that is this float.
    [Math.fround(232.35), null, 232.35],
    [Math.fround(0.1), null, 0.1],
    [Math.fround(16_777_216), null, 16_777_216],
    // Two decimals would leave nothing of it.
    [Math.fround(0.000_012), 2, 0.000_012],
    [Math.fround(1.5), 99, 1.5],
  ])('%f with the hint %s is %f', (price, hint, rounded) => {
    expect(roundedPrice(price, hint)).toBe(rounded);
  });

  test('leaves what is no price to the judge', () => {
    expect(roundedPrice(Number.NaN, 2)).toBeNaN();
    expect(roundedPrice(Number.POSITIVE_INFINITY, null)).toBe(Number.POSITIVE_INFINITY);
  });
});
