import { describe, expect, it } from '@jest/globals';
import { vocabulary } from '../../events/index.ts';
import type { EventContract } from '../../platform/contract.ts';
import { services } from '../../services/index.ts';

describe('cards', () => {
  it.each(services.map((card) => [card.name, card] as const))('%s emits what is its own', (name, card) => {
    expect(card.emits.map((contract: EventContract) => contract.emitter)).toEqual(card.emits.map(() => name));
  });

  it.each(services.map((card) => [card.name, card] as const))(
    '%s handles events of the vocabulary, each once',
    (_name, card) => {
      const handled = card.handles.map(({ contract }) => contract);
      expect(new Set(handled).size).toBe(handled.length);
      expect(handled.filter((contract) => !vocabulary.includes(contract))).toEqual([]);
    },
  );

  it.each(vocabulary.map((contract) => [contract.name, contract] as const))(
    '%s is emitted by exactly one service',
    (_name, contract) => {
      const emitters = services.filter((card) => card.emits.includes(contract)).map((card) => card.name);
      expect(emitters).toEqual([contract.emitter]);
    },
  );

  it('have names of their own', () => {
    const names = services.map((card) => card.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
