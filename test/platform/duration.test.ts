import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration, parseIsoDuration } from '../../platform/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['2s', 2000],
    ['1.5h', 5_400_000],
    ['5m', 300_000],
    ['3d', 259_200_000],
    ['0s', 0],
    ['PT0.2S', 200],
    ['PT1H30M', 5_400_000],
    ['PT15M', 900_000],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '5', 's', '5 s', '-1s', 'PT', 'P1D', 'PT5', '1h30m', 'PT1S ', 'Infinitys'])(
    'does not take %p',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('parseIsoDuration', () => {
  it('takes only what Knative takes', () => {
    expect(parseIsoDuration('PT2S')).toBe(2000);
    expect(parseIsoDuration('2s')).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [500, '500ms'],
    [5000, '5s'],
    [90_000, '90s'],
    [900_000, '15m'],
    [1_209_600_000, '14d'],
  ])('writes %i as %s, which reads the same', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
    expect(parseDuration(text)).toBe(milliseconds);
  });
});
