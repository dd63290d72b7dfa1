import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { contactUpdated, shippingAddressUpdated } from '../../events/customer.ts';
import { vocabulary } from '../../events/index.ts';
import { orderAddressed } from '../../events/order.ts';
import { compileFilter } from '../../platform/broker/filter.ts';
import { readManifests } from '../../platform/broker/manifests.ts';
import type { EventContract } from '../../platform/contract.ts';
import { toCloudEvent } from '../../platform/emit.ts';
import { services } from '../../services/index.ts';
import { root } from '../support/root.ts';

const triggers = readManifests(join(root, 'k8s')).triggers.map((trigger) => ({
  service: trigger.subscriber.ref?.name ?? '',
  wants: compileFilter({ attributes: trigger.attributes }),
}));

describe('the Triggers', () => {
  it.each(vocabulary.map((contract) => [contract.name, contract] as const))(
    'deliver %s to exactly the services whose cards handle or tap it, once each',
    (_name, contract) => {
      const attributes = attributesOf(contract);
      const handling = services
        .filter((card) => card.handles.some((each) => each.contract === contract))
        .map((card) => card.name);
      expect(receiversOf(attributes)).toEqual([...handling, ...tappersOf(attributes)].toSorted());
    },
  );

  it.each([orderAddressed, shippingAddressUpdated].map((contract) => [contract.name, contract] as const))(
    'show the address in %s to shipping alone',
    (_name, contract) => expect(receiversOf(attributesOf(contract))).toEqual(['shipping']),
  );

  it.each(vocabulary.map((contract) => [contract.classification, contract.name, contract] as const))(
    'bring what is %s, like %s, to the ledger once, or never',
    (classification, _name, contract) => {
      const ledgers = receiversOf(attributesOf(contract)).filter((name) => name === 'ledger');
      expect(ledgers).toEqual(classification === 'internal' ? ['ledger'] : []);
    },
  );

  it.each([...nearMisses()])(
    'deliver to nobody, but to the ledger what is internal, %s',
    (_name, attributes) => {
      expect(receiversOf(attributes)).toEqual(
        attributes['dataclassification'] === 'internal' ? ['ledger'] : [],
      );
    },
  );
});

function receiversOf(attributes: Readonly<Record<string, string>>): string[] {
  return triggers
    .filter(({ wants }) => wants(attributes))
    .map(({ service }) => service)
    .toSorted();
}

/** Services that take such an event whatever its type. */
function tappersOf(attributes: Readonly<Record<string, string>>): string[] {
  return services
    .filter(({ taps = [] }) => taps.some((tap) => compileFilter({ attributes: tap.attributes })(attributes)))
    .map((card) => card.name)
    .toSorted();
}

/** The attributes of a contract's example as they travel. */
function attributesOf(contract: EventContract): Record<string, string> {
  const event = toCloudEvent(contract, contract.example, {}, new Date());
  const { data: _, ...attributes } = JSON.parse(JSON.stringify(event)) as Record<string, string>;
  return attributes;
}

function* nearMisses(): Generator<[string, Record<string, string>]> {
  for (const contract of vocabulary) {
    const { name, type } = contract;
    const attributes = attributesOf(contract);
    yield [
      `${name} of the next version`,
      { ...attributes, type: type.replace(/v\d+$/, `v${contract.version + 1}`) },
    ];
    yield [`${name} without a version`, { ...attributes, type: type.replace(/\.v\d+$/, '') }];
    yield [`${name} in capitals`, { ...attributes, type: type.toUpperCase() }];
    yield [`${name} with something behind it`, { ...attributes, type: `${type}.1` }];
  }
  const { change: _, ...unsaid } = attributesOf(shippingAddressUpdated);
  yield ['customer.updated that does not say what changed', unsaid];
  yield ['customer.updated of another change', { ...unsaid, change: 'language' }];
  yield ['customer.updated of a change in other case', { ...unsaid, change: 'ShippingAddress' }];
  yield ['customer.updated of a change that only begins alike', { ...unsaid, change: 'shippingaddresses' }];
  yield ['customer.updated/contact, as long as nobody writes to customers', attributesOf(contactUpdated)];
}
