import { contractsOf } from '../platform/contract.ts';

/** Defines an event of the shop: `shop.tradewind.<name>.v<version>`, from `/tradewind/<emitter>`. */
export const defineEvent = contractsOf({
  type: 'shop.tradewind',
  source: '/tradewind',
  dataschema: 'urn:tradewind:event',
});
