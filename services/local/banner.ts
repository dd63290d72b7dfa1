import { join } from 'node:path';
import { addressOf, programs, summaryOf, type ShopOptions } from './plan.ts';

const order = {
  lines: [{ sku: 'TW-ROPE-10', quantity: 2 }],
  contact: { name: 'Ada Lindqvist', email: 'ada@example.com' },
  shippingAddress: {
    recipient: 'Ada Lindqvist',
    line1: 'Hafenstraße 12',
    city: 'Hamburg',
    postalCode: '20457',
    country: 'DE',
  },
  paymentToken: 'tok_visa',
};
const newAddress = { ...order.shippingAddress, line1: 'Deichweg 3', postalCode: '20459' };

/** What a person sees when the shop is up: who is where, how to get in, and what to try. */
export function banner(options: ShopOptions): string {
  const cookies = quoted(join(options.dataDir, 'cookies.txt'));
  const jar = `-b ${cookies} -c ${cookies}`;
  const json = `-H 'content-type: application/json'`;
  const storefront = addressOf('storefront', options);
  const shipments = `${addressOf('shipping', options)}/api/shipments`;
  return `
${table(options)}

  staff token  ${options.secrets.staffToken}

Place an order:
  curl -sS -w '\\n' ${jar} ${json} -d '${JSON.stringify(order)}' ${storefront}/api/orders

Change the address before the parcel leaves${departure(options)}:
  curl -sS -w '\\n' ${jar} ${json} -X PUT -d '${JSON.stringify(newAddress)}' ${storefront}/api/me/shipping-address

See where the parcels go:
  curl -sS -w '\\n' -H 'authorization: Bearer ${options.secrets.staffToken}' ${shipments}

Tradewind is ready
`;
}

function table(options: ShopOptions): string {
  return programs()
    .map((name) => `  ${name.padEnd(11)}  ${addressOf(name, options)}  ${summaryOf(name)}`)
    .join('\n');
}

function departure({ autoDispatch }: ShopOptions): string {
  return autoDispatch === 'off' ? '' : ` (it does so by itself after ${autoDispatch})`;
}

/** As one word of a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
