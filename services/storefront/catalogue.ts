import { z } from 'zod';
import catalogueFile from './catalogue.json' with { type: 'json' };
import zonesFile from './zones.json' with { type: 'json' };

const product = z.strictObject({
  sku: z.string().regex(/^TW-[A-Z0-9-]{1,40}$/),
  name: z.string().min(1).max(200),
  description: z.string().min(1).max(500),
  category: z.string().min(1).max(40),
  price: z.int().min(1).describe('minor units of the shop’s currency'),
});
export type Product = Readonly<z.infer<typeof product>>;

const zone = z.strictObject({
  name: z.string().min(1).max(32),
  fee: z.int().min(0),
  countries: z.array(z.string().regex(/^[A-Z]{2}$/)).min(1),
});
export type Zone = Readonly<z.infer<typeof zone>>;

/** What is sold, where to, and what that costs. */
export interface Catalogue {
  readonly currency: string;
  readonly products: ReadonlyMap<string, Product>;
  /** By country. */
  readonly zones: ReadonlyMap<string, Zone>;
}

/** Reads the data files. @throws Error naming the entry that is wrong or there twice. */
export function readCatalogue(): Catalogue {
  const products = z.array(product).min(1).parse(catalogueFile);
  const { currency, zones } = z
    .strictObject({ currency: z.string().regex(/^[A-Z]{3}$/), zones: z.array(zone).min(1) })
    .parse(zonesFile);
  const byCountry = zones.flatMap((entry) => entry.countries.map((country) => [country, entry] as const));
  return {
    currency,
    products: unique(products.map((entry) => [entry.sku, entry])),
    zones: unique(byCountry),
  };
}

function unique<T>(entries: readonly (readonly [string, T])[]): Map<string, T> {
  const map = new Map<string, T>();
  for (const [key, value] of entries) {
    if (map.has(key)) throw new Error(`the catalogue has "${key}" twice`);
    map.set(key, value);
  }
  return map;
}
