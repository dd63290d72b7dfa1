import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { parseAllDocuments } from 'yaml';

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

/** Validators by `<apiVersion>/<kind>`, as strict as `kubectl apply --validate=strict`: unknown fields are refused. */
export function crdValidators(folder: string): Map<string, ValidateFunction> {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const crds = globSync('*.yaml', { cwd: folder }).flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((each) => each.toJS() as Crd),
  );
  return new Map(
    crds.flatMap(({ spec }) =>
      spec.versions.map(({ name, schema }) => [
        `${spec.group}/${name}/${spec.names.kind}`,
        ajv.compile(closed(withObjectFields(schema.openAPIV3Schema))),
      ]),
    ),
  );
}

/** Every object of Kubernetes has these, so CRDs leave them out. */
function withObjectFields(schema: Schema): Schema {
  const own = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };
  return { ...schema, properties: { ...own, ...schema.properties } };
}

function closed(schema: Schema): object {
  const { properties, items } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...schema,
    ...(items ? { items: closed(items) } : {}),
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, each]) => [name, closed(each)]),
          ),
          additionalProperties: open,
        }
      : {}),
  };
}
