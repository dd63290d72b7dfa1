import type { FieldError } from '../../platform/errors.ts';
import type { Catalogue, Zone } from './catalogue.ts';
import type { OrderLine } from './order.ts';

/** What an order costs: frozen when it is placed. */
export interface Quote {
  readonly lines: readonly OrderLine[];
  readonly shippingFee: number;
  readonly total: number;
  readonly zone: string;
}

interface Wanted {
  readonly sku: string;
  readonly quantity: number;
}

/** Prices an order from the shop's own lists; answers every reason why it cannot, by field. */
export function quoteFor(
  catalogue: Catalogue,
  wanted: readonly Wanted[],
  country: string,
): { readonly quote: Quote } | { readonly errors: readonly FieldError[] } {
  const zone = catalogue.zones.get(country);
  const errors = unknownArticles(catalogue, wanted);
  if (!zone) errors.push(notServed(catalogue, 'shippingAddress.country', country));
  if (!zone || errors.length > 0) return { errors };
  const lines = wanted.flatMap(({ sku, quantity }): OrderLine[] => {
    const product = catalogue.products.get(sku);
    return product ? [{ sku, name: product.name, quantity, unitPrice: product.price }] : [];
  });
  return { quote: priced(lines, zone) };
}

/** Why a parcel cannot go to a country. */
export function notServed({ zones }: Catalogue, field: string, country: string): FieldError {
  return { field, message: `we do not ship to "${country}"; we ship to ${[...zones.keys()].join(', ')}` };
}

function priced(lines: readonly OrderLine[], zone: Zone): Quote {
  const goods = lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0);
  return { lines, shippingFee: zone.fee, total: goods + zone.fee, zone: zone.name };
}

function unknownArticles({ products }: Catalogue, wanted: readonly Wanted[]): FieldError[] {
  return wanted.flatMap(({ sku }, index) =>
    products.has(sku)
      ? []
      : [{ field: `lines[${index}].sku`, message: `"${sku}" is not sold here; see GET /api/products` }],
  );
}
